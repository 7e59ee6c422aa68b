"""Networks that tests share."""

import keras
from keras import layers

from helpers.checks import with_random_weights


def mlp(sizes=(784, 300, 100, 10)):
    """The paper's MLP: `fc1`, `fc2`, ... without biases."""
    dense = [
        layers.Dense(size, "relu", use_bias=False, name=f"fc{i}")
        for i, size in enumerate(sizes[1:], 1)
    ]
    dense[-1].activation = keras.activations.linear
    return keras.Sequential([keras.Input((sizes[0],)), *dense], name="mlp")


def lenet5(filters=(20, 50), units=(500, 10), size=28):
    """LeNet5-Caffe, or one like it: `conv1`, `conv2`, `fc1`, `fc2` without biases."""
    parts = [keras.Input((size, size, 1))]
    for i, count in enumerate(filters, 1):
        parts.append(layers.Conv2D(count, 5, use_bias=False, name=f"conv{i}"))
        parts.append(layers.MaxPooling2D(name=f"pool{i}"))
    parts.append(layers.Flatten(name="flat"))
    parts.append(layers.Dense(units[0], "relu", use_bias=False, name="fc1"))
    parts.append(layers.Dense(units[1], use_bias=False, name="fc2"))
    return keras.Sequential(parts, name="lenet5")


def small_lenet():
    """6 and 8 filters; 8 channels at 2 x 2 positions reach `fc1`."""
    return with_random_weights(lenet5((6, 8), (9, 4), size=20))


def two_heads():
    """The `hidden` channels are read by two Dense layers; those of one head are read again."""
    inputs = keras.Input((5,))
    hidden = layers.Dense(6, activation="relu", name="hidden")(inputs)
    one = layers.Dense(2, name="one")(hidden)
    two = layers.Dense(3, name="two")(hidden)
    return with_random_weights(keras.Model(inputs, [one, layers.Dense(2, name="last")(two), two]))


def densely_connected():
    """Each of three convolutions reads all channels before it; with normalisation."""
    features = inputs = keras.Input((6, 6, 2))
    for i in range(3):
        new = layers.Conv2D(3 + i, 3, padding="same", name=f"conv{i}")(features)
        new = layers.BatchNormalization(name=f"norm{i}")(new)
        features = layers.Concatenate(name=f"all{i}")([features, new]) if i else new
    features = layers.GlobalAveragePooling2D(name="pool")(features)
    outputs = layers.Dense(3, name="head")(features)
    return with_random_weights(keras.Model(inputs, outputs, name="densely_connected"))


def conv_chain():
    """Convolutions with what has an entry per channel, then Dense layers."""
    parts = [
        keras.Input((10, 10, 2)),
        layers.Conv2D(6, 3, strides=2, padding="same"),
        layers.BatchNormalization(),
        layers.PReLU(),
        layers.Conv2D(5, 2, dilation_rate=2),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(7),
        layers.Dense(3),
    ]
    return with_random_weights(keras.Sequential(parts))


def twins_and_shared():
    """Two layers of one name in nested models, and a layer that is used twice."""

    def nested(name):
        return keras.Sequential([keras.Input((4,)), layers.Dense(4, name="dense")], name=name)

    inputs, shared = keras.Input((4,)), layers.Dense(4, name="shared")
    outputs = layers.Dense(2, name="head")(shared(shared(nested("one")(nested("two")(inputs)))))
    return with_random_weights(keras.Model(inputs, outputs))
