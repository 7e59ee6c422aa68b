"""Normalisations, activations and noise between layers that make channels."""

import keras
import numpy as np
from keras import layers
from keras.src.applications.convnext import LayerScale

from helpers.synthetic.registry import block, conv, graph, head, image


@graph(stem="a LayerNormalization over the channels: its statistics see every one")
def layer_normalization():
    inputs = image()
    x = layers.LayerNormalization()(conv(inputs, "stem"))
    return inputs, head(conv(x, "after", activation="relu"))


@graph()
def layer_normalization_of_positions():
    inputs = keras.Input((5, 4))
    x = layers.Dense(8, activation="relu", name="stem")(inputs)
    x = layers.LayerNormalization(axis=1)(x)
    return inputs, head(layers.Dense(6, name="after")(x))


@graph()
def group_normalization_of_single_channels():
    inputs = image()
    x = layers.GroupNormalization(groups=8)(conv(inputs, "stem"))
    x = layers.GroupNormalization(groups=-1)(conv(layers.ReLU()(x), "second", 6))
    return inputs, head(conv(x, "after", activation="relu"))


@graph()
def group_normalization():
    inputs = image()
    x = layers.GroupNormalization(groups=4)(conv(inputs, "stem"))
    x = layers.GroupNormalization(groups=2, center=False)(conv(layers.ReLU()(x), "second", 6))
    x = layers.GroupNormalization(groups=3)(conv(x, "after", 9, activation="relu"))
    x = layers.Concatenate()([x, conv(inputs, "side", 3)])
    return inputs, head(layers.GroupNormalization(groups=4, scale=False)(x))


@graph(stem="belong to no group")
def group_normalization_with_the_input():
    inputs = image()
    x = layers.Concatenate()([conv(inputs, "stem", 5), inputs])
    x = layers.GroupNormalization(groups=4)(x)
    return inputs, head(conv(x, "after", activation="relu"))


@graph(stem="a GroupNormalization over the channels")
def group_normalization_of_all():
    inputs = image()
    x = layers.GroupNormalization(groups=1)(conv(inputs, "stem"))
    return inputs, head(conv(x, "after", activation="relu"))


@graph(one="a RMSNormalization over the channels", two="a UnitNormalization over the channels")
def norms_of_the_channels():
    inputs = image()
    x = layers.RMSNormalization()(conv(inputs, "one"))
    x = layers.UnitNormalization()(conv(x, "two"))
    return inputs, head(conv(x, "after", activation="relu"))


@graph(stem="lies along axis 2 of the input")
def batch_normalization_of_positions():
    inputs = keras.Input((5, 4))
    x = layers.BatchNormalization(axis=1)(layers.Dense(8, name="stem")(inputs))
    return inputs, head(layers.Dense(6, activation="relu", name="after")(x))


@graph()
def batch_normalization_without_weights():
    inputs = image()
    x = layers.BatchNormalization(center=False, scale=False)(conv(inputs, "stem"))
    x = layers.BatchNormalization(scale=False)(conv(x, "after"))
    return inputs, head(x)


@graph()
def input_statistics():
    inputs = image()
    x = layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0])(inputs)
    return inputs, head(block(layers.Rescaling(0.5, offset=-1)(x), "stem"))


@graph()
def statistics_inside():
    inputs = image()
    x = layers.Normalization()(conv(inputs, "stem"))
    x = layers.Rescaling(0.5, offset=0.25)(x)
    return inputs, head(conv(x, "after", activation="relu"))


@graph(stem="whose statistics are constants", after="whose scale or offset is an array")
def constant_statistics_inside():
    inputs = image()
    x = layers.Normalization(mean=[0.1] * 8, variance=[2.0] * 8)(conv(inputs, "stem"))
    x = layers.Rescaling(np.arange(1.0, 9).tolist())(conv(x, "after"))
    return inputs, head(x)


@graph()
def parametric_activations():
    inputs = image()
    x = layers.PReLU(shared_axes=[1, 2])(conv(inputs, "one"))
    x = layers.PReLU()(conv(x, "two", 6))
    x = layers.PReLU(shared_axes=[1, 2, 3])(conv(x, "three", 5))
    return inputs, head(layers.LeakyReLU()(layers.ELU()(x)))


@graph(
    soft="a Softmax over the channels", act="the activation softmax", whole="activation log_softmax"
)
def softmax():
    inputs = image()
    x = layers.Softmax(axis=[1, 2])(conv(inputs, "stem"))
    x = layers.Softmax()(conv(x, "soft"))
    x = layers.Activation("softmax")(conv(x, "act"))
    x = conv(x, "whole", activation="log_softmax")
    return inputs, head(x)


@graph()
def layer_scale():
    inputs = image()
    x = conv(inputs, "stem")
    for i in range(2):
        y = layers.DepthwiseConv2D(3, padding="same", name=f"depthwise{i}")(x)
        y = layers.Dense(12, activation="gelu", name=f"wide{i}")(y)
        y = layers.Dense(8, name=f"narrow{i}")(y)
        x = layers.Add()([x, LayerScale(0.5, 8, name=f"scale{i}")(y)])
    return inputs, head(x)


@graph(stem="over the channels")
def convnext_block():
    inputs = image()
    x = conv(inputs, "stem")
    for i in range(2):
        y = layers.LayerNormalization(epsilon=1e-6)(conv(x, f"depthwise{i}", 8, 5, groups=8))
        y = layers.Dense(16, activation="gelu", name=f"wide{i}")(y)
        y = LayerScale(0.5, 8, name=f"scale{i}")(layers.Dense(8, name=f"narrow{i}")(y))
        x = x + y
    return inputs, head(x)


@graph()
def noise():
    inputs = image()
    x = layers.SpatialDropout2D(0.3)(layers.GaussianNoise(0.2)(conv(inputs, "one")))
    x = layers.GaussianDropout(0.3)(layers.AlphaDropout(0.2)(conv(x, "two", 6)))
    x = layers.Dropout(0.2, noise_shape=(None, 1, 1, None))(conv(x, "three", 5))
    x = layers.ActivityRegularization(0.1)(layers.Identity()(x))
    return inputs, head(layers.Dropout(0.5)(x))


@graph()
def noise_on_sequences():
    inputs = keras.Input((9, 4))
    x = layers.SpatialDropout1D(0.3)(block(inputs, "one"))
    return inputs, head(layers.Dropout(0.2, noise_shape=(None, 1, 1))(block(x, "two")))
