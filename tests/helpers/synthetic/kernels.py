"""Kernels: depthwise, grouped, separable, transposed, einsum, embedding."""

import keras
from keras import layers

from helpers.synthetic.registry import block, conv, graph, head, image


@graph()
def depthwise():
    inputs = image()
    x = layers.DepthwiseConv2D(3, activation="relu", name="depthwise")(block(inputs, "stem"))
    return inputs, head(block(layers.BatchNormalization()(x), "after"))


@graph()
def depthwise_multiplied():
    inputs = image()
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, strides=2)(block(inputs, "stem"))
    return inputs, head(block(layers.BatchNormalization()(x), "after"))


@graph()
def depthwise_1d():
    inputs = keras.Input((9, 4))
    x = layers.DepthwiseConv1D(3, depth_multiplier=2, name="depthwise")(block(inputs, "stem"))
    return inputs, head(block(x, "after"))


@graph()
def depthwise_of_the_input():
    inputs = image()
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(inputs)
    return inputs, head(block(x, "after"))


@graph()
def depthwise_as_grouped():
    inputs = image()
    x = conv(block(inputs, "stem"), "depthwise", 8, 5, groups=8)
    x = layers.Dense(12, activation="gelu", name="wide")(x)
    return inputs, head(layers.Dense(8, name="narrow")(x))


@graph()
def depthwise_as_grouped_multiplied():
    inputs = image()
    x = conv(block(inputs, "stem"), "depthwise", 16, groups=8, activation="tanh")
    return inputs, head(block(x, "after"))


@graph()
def grouped():
    inputs = image(4)
    x = block(block(inputs, "stem"), "grouped", 12, groups=4)
    return inputs, head(block(x, "after", groups=2))


@graph()
def grouped_residual():
    inputs = image()
    x = block(inputs, "stem")
    y = block(block(x, "narrow", 6, 1), "grouped", 6, groups=3)
    return inputs, head(layers.ReLU()(layers.Add()([x, conv(y, "wide", 8, 1)])))


@graph()
def grouped_1d_of_the_input():
    inputs = keras.Input((9, 4))
    return inputs, head(block(block(inputs, "grouped", groups=2), "after", groups=4))


@graph()
def channel_shuffle():
    inputs = image()
    x = block(block(inputs, "stem", 12), "grouped", 12, 1, groups=3)
    x = layers.Reshape((6, 6, 3, 4))(x)
    x = layers.Reshape((6, 6, 12))(layers.Permute((1, 2, 4, 3))(x))
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    return inputs, head(conv(x, "last", 12, 1, groups=3, activation="relu"))


@graph()
def separable():
    inputs = image()
    x = layers.SeparableConv2D(8, 3, activation="relu", name="one")(block(inputs, "stem", 6))
    x = layers.SeparableConv2D(10, 3, depth_multiplier=2, name="two")(x)
    return inputs, head(layers.ReLU()(layers.BatchNormalization()(x)))


@graph()
def separable_residual():
    inputs = image()
    x = block(inputs, "stem")
    y = layers.BatchNormalization()(x)
    y = layers.SeparableConv2D(8, 3, padding="same", use_bias=False, name="inner")(y)
    return inputs, head(layers.Add()([layers.BatchNormalization()(y), x]))


@graph()
def separable_1d():
    inputs = keras.Input((9, 4))
    x = layers.SeparableConv1D(8, 3, depth_multiplier=2, name="one")(inputs)
    x = layers.SeparableConv1D(6, 3, depth_multiplier=2, activation="relu", name="two")(x)
    return inputs, head(x)


@graph()
def transposed_1d():
    inputs = keras.Input((7, 4))
    x = layers.Conv1DTranspose(6, 3, 2, activation="relu", name="up")(block(inputs, "stem"))
    return inputs, head(layers.Conv1DTranspose(5, 2, name="again")(x))


@graph()
def transposed_2d():
    inputs = image()
    x = layers.Conv2DTranspose(6, 3, 2, "same", name="up")(block(inputs, "stem"))
    x = layers.Conv2DTranspose(5, 2, use_bias=False, name="again")(layers.ReLU()(x))
    return inputs, head(block(x, "after"))


@graph()
def transposed_3d():
    inputs = keras.Input((4, 4, 4, 2))
    x = layers.Conv3DTranspose(6, 2, activation="elu", name="up")(conv(inputs, "stem"))
    return inputs, head(conv(x, "after", 5, 2, activation="relu"))


@graph()
def encoder_and_decoder():
    inputs = image(size=8)
    one = block(inputs, "one", 6)
    two = block(layers.MaxPooling2D()(one), "two")
    x = block(layers.MaxPooling2D()(two), "bottom", 10)
    for name, skip in (("up2", two), ("up1", one)):
        x = layers.Conv2DTranspose(6, 2, 2, name=name)(x)
        x = block(layers.Concatenate()([x, skip]), f"{name}_mixed")
    return inputs, conv(x, "head", 2, 1)


@graph()
def generator():
    inputs = keras.Input((5,))
    x = layers.Dense(3 * 3 * 8, activation="relu", name="seed")(inputs)
    x = layers.Reshape((3, 3, 8))(x)
    x = layers.Conv2DTranspose(6, 3, 2, "same", activation="relu", name="up")(x)
    return inputs, conv(x, "head", 2)


@graph()
def einsum():
    inputs = keras.Input((5, 4))
    x = layers.EinsumDense("abc,cd->abd", (5, 8), bias_axes="d", activation="gelu", name="one")(
        inputs
    )
    x = layers.EinsumDense("...x,xy->...y", 6, activation="relu", name="two")(x)
    return inputs, head(x)


@graph(**{"several/heads": "is flattened by"})
def einsum_heads():
    inputs = keras.Input((5, 4))
    x = layers.Dense(6, activation="relu", name="stem")(inputs)
    x = layers.EinsumDense("abc,cde->abde", (5, 2, 4), bias_axes="de", name="several")(x)
    x = layers.ReLU()(x)
    x = layers.EinsumDense("abde,ef->abdf", (5, 2, 3), bias_axes="f", name="mixed")(x)
    return inputs, head(layers.Flatten()(x))


@graph()
def einsum_that_moves_axes():
    inputs = keras.Input((5, 4))
    x = layers.Dense(6, activation="relu", name="stem")(inputs)
    x = layers.EinsumDense("abc,cd->adb", (7, 5), bias_axes="d", name="moved")(x)
    x = layers.Permute((2, 1))(layers.ReLU()(x))
    return inputs, head(layers.Dense(6, name="after")(x))


@graph()
def einsum_of_two_axes():
    inputs = keras.Input((5, 4))
    x = layers.Dense(6, activation="relu", name="stem")(inputs)
    y = layers.Dense(6, activation="relu", name="split")(layers.Reshape((5, 2, 2))(inputs))
    x = layers.EinsumDense("abc,bcd->abd", (5, 4), name="tied")(x)
    y = layers.EinsumDense("abcd,cde->abe", (5, 4), name="merged")(y)
    return inputs, head(layers.Add()([x, y]))


@graph()
def embedding():
    inputs = keras.Input((9,), dtype="int32")
    x = layers.Embedding(8, 6, name="words")(inputs)
    x = layers.MaxPooling1D(2)(conv(x, "one", activation="relu"))
    return inputs, head(conv(x, "two", 6, activation="relu"))


@graph()
def dense_after_dense():
    inputs = keras.Input((6,))
    x = layers.Dense(8, activation="tanh", name="one")(inputs)
    y = layers.Dense(8, activation="relu", name="two")(x)
    return inputs, head(layers.Concatenate()([layers.Add()([x, y]), inputs]))


@graph()
def convolution_3d():
    inputs = keras.Input((4, 4, 4, 2))
    x = layers.MaxPooling3D(2)(block(inputs, "stem"))
    return inputs, head(layers.Add()([x, conv(x, "inner", 8, 1)]))
