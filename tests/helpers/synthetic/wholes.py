"""Whole models: shared and nested parts, several inputs and outputs, layers that are refused."""

import keras
from keras import layers, ops

from helpers.synthetic.registry import block, conv, graph, head, image


@graph()
def convolution_called_twice():
    inputs = image(4)
    shared = layers.Conv2D(8, 3, padding="same", activation="relu", name="shared")
    one, two = shared(block(inputs, "one", 6)), shared(block(inputs, "two", 6))
    return inputs, head(layers.Concatenate()([one, two]))


@graph()
def siamese():
    left, right = image(), image()
    tower = [layers.Conv2D(8, 3, name="tower"), layers.BatchNormalization(), layers.ReLU()]
    outputs = []
    for x in (left, right):
        for layer in tower:
            x = layer(x)
        outputs.append(layers.GlobalAveragePooling2D()(x))
    return [left, right], head(ops.abs(layers.Subtract()(outputs)))


@graph()
def shared_reshape():
    inputs = image(size=4)
    shared = layers.Reshape((16, 8), name="shared")
    x, y = shared(block(inputs, "one")), shared(block(inputs, "two"))
    return inputs, head(layers.Concatenate()([x, y]))


@graph(one="which is shared")
def reshape_shared_with_the_input():
    inputs = image(8, size=4)
    shared = layers.Reshape((16, 8), name="shared")
    x, y = shared(block(inputs, "one")), shared(inputs)
    return inputs, head(block(layers.Concatenate()([x, y]), "after"))


@graph()
def nested():
    inputs, inside = image(), keras.Input((6, 6, 8))
    y = layers.Add()([inside, conv(block(inside, "in"), "out")])
    inner = keras.Model(inside, layers.ReLU()(y), name="inner")
    outer = keras.Sequential([keras.Input((6, 6, 8)), inner, layers.Conv2D(6, 3, name="last")])
    return inputs, head(outer(block(inputs, "stem")))


@graph()
def nested_called_twice():
    inputs, inside = image(), keras.Input((6, 6, 8))
    inner = keras.Model(inside, conv(block(inside, "in", 6), "out"), name="inner")
    x = inner(block(inputs, "stem"))
    return inputs, head(inner(x))


@graph()
def several_inputs_and_outputs():
    picture, vector = image(), keras.Input((5,))
    x = block(picture, "stem")
    y = layers.Dense(8, activation="relu", name="vector")(vector)
    x = layers.Multiply()([x, layers.Reshape((1, 1, 8))(y)])
    return [picture, vector], [head(x, "head_one"), head(block(x, "more"), "head_two")]


@graph()
def dicts():
    inputs = {"b": keras.Input((5,), name="b"), "a": keras.Input((6, 6, 3), name="a")}
    x = block(inputs["a"], "stem")
    y = layers.Dense(8, activation="relu", name="vector")(inputs["b"])
    y = layers.Concatenate()([y, layers.GlobalMaxPooling2D()(x)])
    return inputs, {"z": head(y, "head_z"), "c": head(x, "head_c")}


@graph(stem="its channels are the model's output")
def features_as_output():
    inputs = image()
    x = block(inputs, "stem")
    return inputs, [x, head(block(x, "after"))]


@graph()
def channels_first():
    inputs = keras.Input((3, 6, 6))
    first = {"data_format": "channels_first"}

    def piece(x, name):
        x = layers.Conv2D(8, 3, padding="same", name=name, **first)(x)
        return layers.ReLU()(layers.BatchNormalization(axis=1)(x))

    x = piece(inputs, "stem")
    x = layers.Add()([x, piece(x, "inner")])
    y = layers.GlobalAveragePooling2D(keepdims=True, **first)(x)
    y = layers.Conv2D(8, 1, activation="sigmoid", name="gate", **first)(y)
    x = layers.Concatenate(axis=1)([layers.Multiply()([x, y]), piece(inputs, "side")])
    x = layers.MaxPooling2D(2, **first)(layers.PReLU(shared_axes=[2, 3])(x))
    x = layers.Flatten(**first)(layers.ZeroPadding2D(1, **first)(x))
    return inputs, head(x)


@graph(
    two="a LayerNormalization over",
    **{
        "mixed/query_dense": "is compared by",
        "mixed/key_dense": "is compared by",
        "mixed/value_dense": "is as wide as its keys must be",
    },
)
def attention():
    inputs = keras.Input((5, 4))
    x = layers.Dense(8, activation="relu", name="one")(inputs)
    x = layers.MultiHeadAttention(2, 4, name="mixed")(x, x)
    x = layers.LayerNormalization()(layers.Dense(8, name="two")(x))
    return inputs, head(layers.Dense(6, activation="relu", name="three")(x))


@graph(one="no rule is known for LSTM", two="for GRU", three="for Bidirectional")
def recurrent():
    inputs = keras.Input((5, 4))
    x = layers.LSTM(6, return_sequences=True)(layers.Dense(7, name="one")(inputs))
    x = layers.GRU(6, return_sequences=True)(layers.Dense(7, name="two")(x))
    x = layers.Dense(7, activation="relu", name="three")(x)
    x = layers.Bidirectional(layers.SimpleRNN(5, return_sequences=True))(x)
    return inputs, head(layers.Dense(6, activation="relu", name="four")(x))


@graph()
def each_step():
    inputs = keras.Input((5, 4))
    x = layers.Dense(8, activation="relu", name="one")(inputs)
    x = layers.TimeDistributed(layers.Dense(6, activation="relu"), name="two")(x)
    x = layers.TimeDistributed(layers.BatchNormalization())(x)
    return inputs, head(layers.Dense(6, activation="relu", name="three")(x))


@graph()
def each_image():
    inputs = keras.Input((3, 6, 6, 2))
    one = layers.Conv2D(6, 3, padding="same", activation="relu")
    x = layers.TimeDistributed(one, name="one")(inputs)
    x = layers.TimeDistributed(layers.MaxPooling2D(2))(x)
    x = layers.TimeDistributed(layers.DepthwiseConv2D(2, depth_multiplier=2))(x)
    x = layers.TimeDistributed(layers.Conv2D(6, 2, groups=2), name="two")(x)
    x = layers.TimeDistributed(layers.Flatten())(layers.ReLU()(x))
    return inputs, head(layers.Dense(5, activation="tanh", name="last")(x))


@graph(one="no rule is known for LSTM that cuts it")
def each_sequence():
    inputs = keras.Input((3, 5, 4))
    x = layers.Dense(8, activation="relu", name="one")(inputs)
    x = layers.TimeDistributed(layers.LSTM(6))(x)
    return inputs, head(layers.Dense(6, activation="relu", name="two")(x))


@graph(one="it combines channels with one another")
def function():
    inputs = keras.Input((5, 4))
    x = layers.Dense(8, activation="relu", name="one")(inputs)
    x = layers.Lambda(ops.flip, arguments={"axis": -1})(x)
    return inputs, head(layers.Dense(6, activation="relu", name="two")(x))


@graph(one="in training it divides its kernel by a norm of all of its channels")
def wrapped_kernel():
    inputs = image()
    x = block(inputs, "one")
    x = layers.SpectralNormalization(layers.Conv2D(6, 3))(x)
    return inputs, head(block(x, "after"))
