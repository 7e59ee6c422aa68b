"""The paper's networks: a multilayer perceptron, and LeNet5 as the Caffe examples have it."""

from collections.abc import Sequence
from functools import partial

import keras
from keras import layers

from recipes.datasets import digits, mnist
from recipes.networks import add_task


def mlp(sizes: Sequence[int] = (784, 300, 100, 10), spread: float | None = None) -> keras.Model:
    """A chain of dense layers without biases, as in the paper, that ends in logits.

    The sizes are those of inputs, hidden layers and classes. Weights start with a standard
    deviation, or as He has it in hidden layers and Glorot in the last.
    """

    normal = spread and keras.initializers.RandomNormal(stddev=spread)
    options = {"use_bias": False, "kernel_initializer": normal or "he_normal"}
    *hidden, classes = sizes[1:]
    model = keras.Sequential([keras.Input((sizes[0],), name="pixels")], name="mlp")
    for number, units in enumerate(hidden, start=1):
        model.add(layers.Dense(units, "relu", name=f"hidden_{number}", **options))
    options["kernel_initializer"] = normal or "glorot_uniform"
    model.add(layers.Dense(classes, name="head", **options))
    return model


def lenet5(image_size: int = 28, classes: int = 10) -> keras.Model:
    """Two convolutions with max pooling and two dense layers, without biases, ending in logits."""
    initial = {"use_bias": False, "kernel_initializer": "he_normal"}
    return keras.Sequential(
        [
            keras.Input((image_size, image_size, 1), name="image"),
            layers.Conv2D(20, 5, activation="relu", name="conv_1", **initial),
            layers.MaxPooling2D(name="pool_1"),
            layers.Conv2D(50, 5, activation="relu", name="conv_2", **initial),
            layers.MaxPooling2D(name="pool_2"),
            layers.Flatten(name="flatten"),
            layers.Dense(500, "relu", name="hidden", **initial),
            layers.Dense(classes, use_bias=False, name="head"),
        ],
        name="lenet5",
    )


add_task("digits", partial(mlp, (64, 128, 64, 10)), digits)
add_task("mlp", mlp, mnist)
add_task("mlp_paper", partial(mlp, spread=0.1), mnist)
add_task("lenet5", lenet5, partial(mnist, shape=(28, 28, 1)))
