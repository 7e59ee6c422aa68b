"""Small learning problems whose losses have other scales than that of a classifier.

Each is a function that returns the maker of a network, inputs, a list of targets, and how the
network is compiled.
"""

from functools import partial

import keras
import numpy as np
from keras import layers

from recipes.datasets import digits

MSE = {"loss": "mse"}


def regression(unit: float = 1.0, ends_in_unit: bool = False):
    """y = sin(x0) + x1^2 / 2, measured in a unit.

    Where the network's last layer multiplies by the unit as well, what is to be learned stays the
    same.
    """
    x = np.random.default_rng(0).normal(size=(3000, 20)).astype("float32")
    y = unit * (np.sin(x[:, :1]) + x[:, 1:2] ** 2 / 2)
    return partial(_chain, 20, 64, 64, 1, unit=unit if ends_in_unit else None), x, [y], MSE


def autoencoder():
    """The digits, through sixteen numbers."""
    x = digits().train.x
    return partial(_chain, 64, 64, 16, 64, 64), x, [x], MSE


def two_outputs():
    """Two regressions by the same hidden units; the second one weighs a thousand times as much."""
    _, x, (y,), _ = regression()
    weights = {"loss": ["mse", "mse"], "loss_weights": [1.0, 1000.0]}
    return _with_two_heads, x, [y, x[:, 2:3] * x[:, 3:4]], weights


def easy():
    """A sum of ten inputs, without noise: the loss falls as long as training goes on."""
    _, x, _, _ = regression()
    return partial(_chain, 20, 64, 64, 1), x, [x[:, :10].sum(axis=1, keepdims=True)], MSE


def _chain(inputs, *units, unit=None):
    hidden = [layers.Dense(number, "relu") for number in units[:-1]]
    ends = [layers.Dense(units[-1]), *([layers.Rescaling(unit)] if unit else [])]
    return keras.Sequential([keras.Input((inputs,)), *hidden, *ends])


def _with_two_heads():
    hidden = _chain(20, 64, 64)
    x = layers.ReLU()(hidden.outputs[0])
    return keras.Model(hidden.inputs[0], [layers.Dense(1)(x), layers.Dense(1)(x)])


UNITS = (0.01, 1, 100)
PROBLEMS = {
    **{f"regression in units of {u}": partial(regression, u, True) for u in UNITS},
    **{f"regression, targets times {u}": partial(regression, u) for u in UNITS},
    "mean squared error on images": autoencoder,
    "two outputs, weights 1 and 1000": two_outputs,
    "loss that falls a hundredfold": easy,
}
