"""LeNet5 as the Caffe examples have it, the paper's convolutional network for MNIST."""

from functools import partial

import keras
from keras import layers

from recipes.datasets import mnist
from recipes.networks import TASKS, Task


def lenet5(image_size: int = 28, classes: int = 10) -> keras.Model:
    """Two convolutions with max pooling and two dense layers, without biases, ending in logits.

    Args:
        image_size: Height and width of the images, which have one channel.
        classes: Number of classes.
    """
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


TASKS["lenet5"] = Task(lenet5, partial(mnist, shape=(28, 28, 1)))
