"""The table of synthetic graphs, and the pieces that they are built from."""

from dataclasses import dataclass

import keras
from keras import layers

from helpers.checks import with_random_weights

GRAPHS = {}


@dataclass
class Case:
    """A graph to build, with what cannot be pruned in it.

    Args:
        make: Returns the inputs and the outputs.
        refused: Maps names of groups that cannot be pruned to a part of the reason. Groups whose
            names begin with "head" are outputs; all others must be prunable.
    """

    make: callable
    refused: dict

    def build(self):
        """The model, with random weights."""
        return with_random_weights(keras.Model(*self.make(), name=self.make.__name__))


def graph(**refused):
    """Puts a function that makes inputs and outputs into the table, see `Case`."""

    def register(make):
        assert make.__name__ not in GRAPHS
        GRAPHS[make.__name__] = Case(make, refused)
        return make

    return register


def image(channels=3, size=6):
    """An input of square images."""
    return keras.Input((size, size, channels))


def conv(x, name, filters=8, size=3, **options):
    """A convolution that keeps the size of the image."""
    options = {"padding": "same", "name": name, **options}
    return getattr(layers, f"Conv{len(x.shape) - 2}D")(filters, size, **options)(x)


def block(x, name, filters=8, size=3, **options):
    """A convolution, a normalisation and an activation."""
    x = conv(x, name, filters, size, use_bias=False, **options)
    return layers.ReLU()(layers.BatchNormalization()(x))


def head(x, name="head"):
    """Averages over all positions and makes three outputs."""
    if len(x.shape) > 2:
        x = getattr(layers, f"GlobalAveragePooling{len(x.shape) - 2}D")()(x)
    return layers.Dense(3, name=name)(x)
