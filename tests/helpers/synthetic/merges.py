"""Sums, products and concatenations: channels that several layers make."""

from keras import layers, ops
from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

from helpers.synthetic.registry import block, conv, graph, head, image

APART = "belong to no group"


@graph()
def residual():
    inputs = image()
    x = block(inputs, "stem")
    for i in range(2):
        x = layers.ReLU()(layers.Add()([x, conv(block(x, f"in{i}"), f"out{i}")]))
    return inputs, head(x)


@graph()
def residual_plus():
    inputs = image()
    x = block(inputs, "stem")
    x = x + conv(block(x, "inner", 6), "outer")
    return inputs, head(conv(x, "last", 5, activation="gelu"))


@graph()
def preactivation():
    inputs = image()
    x = conv(inputs, "stem")
    for i in range(2):
        y = layers.ReLU()(layers.BatchNormalization()(x))
        y = layers.ReLU()(layers.BatchNormalization()(conv(y, f"in{i}", 6)))
        x = layers.Add()([x, conv(y, f"out{i}")])
    return inputs, head(layers.ReLU()(layers.BatchNormalization()(x)))


@graph()
def projection():
    inputs = image()
    x = block(inputs, "stem", 6)
    y = layers.BatchNormalization()(conv(block(x, "inner"), "outer", 10, strides=2))
    skip = layers.BatchNormalization()(conv(x, "skip", 10, 1, strides=2))
    return inputs, head(layers.ReLU()(layers.Add()([y, skip])))


@graph()
def sum_of_three():
    inputs = image()
    parts = [block(inputs, f"part{i}") for i in range(3)]
    return inputs, head(conv(layers.Add()(parts), "mixed", activation="silu"))


@graph(stem=APART)
def sum_with_the_input():
    inputs = image(5)
    x = layers.Add()([inputs, conv(block(inputs, "inner"), "stem", 5)])
    return inputs, head(block(x, "after"))


@graph()
def subtract():
    inputs = image()
    x = layers.Subtract()([block(inputs, "one"), conv(inputs, "two", 8, 1)])
    return inputs, head(block(x, "after"))


@graph()
def average():
    inputs = image()
    x = layers.Average()([block(inputs, "one"), block(inputs, "two"), conv(inputs, "three", 8, 1)])
    return inputs, head(block(x, "after"))


@graph()
def maximum_and_minimum():
    inputs = image()
    x = layers.Maximum()([block(inputs, "one"), conv(inputs, "two")])
    x = layers.Minimum()([x, conv(inputs, "three", activation="softplus")])
    return inputs, head(x)


@graph()
def gated_linear_unit():
    inputs = image()
    x = layers.Multiply()([conv(inputs, "one"), conv(inputs, "two", activation="sigmoid")])
    return inputs, head(block(x, "after"))


@graph()
def concatenation():
    inputs = image()
    parts = [
        block(inputs, "one", 4, 1),
        block(inputs, "two", 6),
        layers.MaxPooling2D(3, 1, "same")(inputs),
    ]
    return inputs, head(block(layers.Concatenate()(parts), "mixed"))


@graph()
def dense_block():
    inputs = image()
    x = conv(inputs, "stem")
    for i in range(3):
        y = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.Concatenate()([x, conv(block(y, f"in{i}", 6, 1), f"out{i}", 4)])
    return inputs, head(layers.ReLU()(layers.BatchNormalization()(x)))


@graph()
def concatenation_in_a_sum():
    inputs = image()
    x = layers.Concatenate()([block(inputs, "one", 4), block(inputs, "two", 6)])
    x = layers.Add()([x, conv(inputs, "whole", 10, 1)])
    return inputs, head(conv(x, "after", activation="relu"))


@graph()
def shifted_concatenations_in_a_sum():
    inputs = image()
    one = layers.Concatenate()([block(inputs, "a", 3), block(inputs, "b", 5)])
    two = layers.Concatenate()([block(inputs, "c", 5), block(inputs, "d", 3)])
    return inputs, head(block(layers.Add()([one, two]), "after"))


@graph()
def concatenation_of_one_twice():
    inputs = image()
    x = block(inputs, "stem")
    x = layers.Concatenate()([x, layers.MaxPooling2D(3, 1, "same")(x), x])
    return inputs, head(block(x, "after"))


@graph()
def concatenation_in_space():
    inputs = image()
    x = layers.Concatenate(axis=1)([block(inputs, "one"), block(inputs, "two")])
    return inputs, head(block(x, "after"))


@graph(inner=APART, stem=APART)
def concatenation_in_a_sum_with_the_input():
    inputs = image(8)
    x = layers.Concatenate()([block(inputs, "inner", 5), block(inputs, "stem", 3)])
    return inputs, head(block(layers.Add()([x, inputs]), "after"))


def squeeze_excite(x, name, sigmoid=ops.sigmoid):
    channels = x.shape[-1]
    y = layers.Reshape((1, 1, channels))(layers.GlobalAveragePooling2D()(x))
    y = conv(y, f"{name}_reduce", 4, 1, activation="relu")
    return layers.Multiply()([x, sigmoid(conv(y, f"{name}_expand", channels, 1))])


def hard_sigmoid(x):
    return layers.ReLU(6.0)(x + 3.0) * (1.0 / 6.0)


@graph()
def squeeze_and_excite():
    inputs = image()
    return inputs, head(block(squeeze_excite(block(inputs, "stem"), "se"), "after"))


@graph()
def squeeze_and_excite_of_dense_layers():
    inputs = image()
    x = block(inputs, "stem")
    y = layers.Dense(4, activation="relu", name="reduce")(layers.GlobalAveragePooling2D()(x))
    y = layers.Dense(8, activation="sigmoid", name="expand")(y)
    return inputs, head(layers.Multiply()([x, layers.Reshape((1, 1, 8))(y)]))


@graph()
def inverted_bottleneck():
    inputs = image()
    x = conv(inputs, "stem", 6)
    for i in range(2):
        y = block(x, f"expand{i}", 12, 1)
        y = layers.DepthwiseConv2D(3, padding="same", name=f"depthwise{i}", use_bias=False)(y)
        y = layers.Activation("hard_silu")(layers.BatchNormalization()(y))
        y = squeeze_excite(y, f"se{i}", hard_sigmoid)
        x = layers.Add()([x, layers.BatchNormalization()(conv(y, f"project{i}", 6, 1))])
    return inputs, head(x)


@graph()
def scaled_residual():
    inputs = image()
    x = block(inputs, "stem")
    x = CustomScaleLayer(0.3)([x, conv(block(x, "inner", 5), "outer")])
    return inputs, head(layers.ReLU()(x))


@graph()
def context_of_one_position():
    inputs = image()
    x = block(inputs, "stem")
    context = layers.GlobalAveragePooling2D(keepdims=True)(block(inputs, "context"))
    return inputs, head(block(x + context, "after"))


@graph(attention="is broadcast over the channels")
def spatial_attention():
    inputs = image()
    x = block(inputs, "stem")
    return inputs, head(block(x * conv(x, "attention", 1, activation="sigmoid"), "after"))


@graph(one="another rank", three="another rank")
def sum_of_two_ranks():
    inputs = image()
    x = block(inputs, "one")
    y = layers.Dense(8, name="two")(layers.Flatten()(inputs))
    y = layers.Dense(8, name="three", activation="relu")(y)
    return inputs, head(layers.Add()([x, ops.reshape(y, (-1, 1, 1, 8))[:, 0]]))
