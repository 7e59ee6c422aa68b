"""Layers that are built again keep what no configuration can hold."""

import keras
import numpy as np
import pytest
from checks import (
    check_close,
    draw_inputs,
    randomise,
    run_gated,
)
from keras import layers

from keras_switcher import prune_channels


def halved(values):
    return values / 2


def doubled(values):
    return 2 * values


def twos(shape, dtype=None):
    return 2 * keras.ops.ones(shape, dtype)


FUNCTIONS = {
    "activation": halved,
    "kernel_regularizer": keras.ops.sum,
    "bias_constraint": doubled,
    "kernel_initializer": twos,
}


@pytest.mark.parametrize("argument", FUNCTIONS)
def test_functions_that_no_file_could_hold_come_along(argument):
    first = layers.Dense(8, "relu", name="first")
    own = layers.Dense(5, name="own", **{argument: FUNCTIONS[argument]})
    model = randomise(keras.Sequential([keras.Input((6,)), first, own, layers.Dense(3)]))
    keep, x = np.arange(8) > 2, draw_inputs(model)
    small = prune_channels(model, {"first": keep})
    check_close(small(x), run_gated(model, {"first": np.float32(keep)}, x))
    assert getattr(small.get_layer("own"), argument) is FUNCTIONS[argument]
