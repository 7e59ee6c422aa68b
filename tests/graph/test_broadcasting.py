"""Sums of which one side is shorter: with TensorFlow, Keras may take it for a bias."""

import keras
import numpy as np
import pytest
from helpers.checks import check_close, draw_inputs, run_gated, with_random_weights
from keras import layers, ops

from keras_switcher import channel_groups, prune_channels

POSITIONS = 6


def network(join, channels=8, batch_size=None):
    """Adds something to channels at each of six positions."""
    inputs = keras.Input((POSITIONS, 4), batch_size=batch_size)
    x = layers.Dense(channels, "relu", name="x")(inputs)
    outputs = layers.Dense(2, name="head")(layers.Flatten()(join(x, inputs)))
    return with_random_weights(keras.Model(inputs, outputs))


def per_position(x):
    return layers.Dense(1, name="short")(x)


JOINS = {
    "Add": lambda x, inputs: layers.Add()([x, per_position(inputs)]),
    "Average": lambda x, inputs: layers.Average()([x, per_position(inputs)]),
    "of three": lambda x, inputs: layers.Add()([x, x, per_position(inputs)]),
    "operation": lambda x, inputs: x + per_position(inputs),
    "without samples": lambda x, inputs: x + ops.mean(inputs, axis=(0, 2))[:, None],
}


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("join", JOINS.values(), ids=JOINS)
def test_never_as_many_channels_as_positions_are_left(join, samples):
    model = network(join)
    x = draw_inputs(model, 3)[:samples]
    for kept in (POSITIONS - 1, POSITIONS):
        keep = np.arange(8) < kept
        small = prune_channels(model, {"x": keep})
        # One more stays, scaled by zero.
        assert small.get_layer("x").units == kept + (kept == POSITIONS)
        check_close(small(x), run_gated(model, {"x": keep.astype("float32")}, x))


@pytest.mark.parametrize("join", JOINS.values(), ids=JOINS)
def test_as_many_channels_as_positions_cannot_be_followed(join):
    (group,) = (g for g in channel_groups(network(join, POSITIONS)) if g.name == "x")
    assert "gets a vector added by" in group.reason


def test_a_number_per_sample_may_be_added_along_any_axis():
    inputs = keras.Input((4,))
    wide, one = layers.Dense(8, name="x")(inputs), layers.Dense(1)(inputs)
    for join, prunable in [(layers.Add(), False), (layers.Multiply(), True)]:
        model = keras.Model(inputs, layers.Dense(2)(join([wide, one])))
        assert channel_groups(model)[0].prunable == prunable
    first = keras.Model(inputs, layers.Dense(2)(layers.Add()([one, wide])))
    assert next(g for g in channel_groups(first) if g.name == "x").prunable


@pytest.mark.parametrize("batch_size", [None, 1, 3])
def test_equal_shapes_and_vectors_along_the_last_axis_are_safe(batch_size):
    def join(x, inputs):
        mean = layers.GlobalAveragePooling1D(keepdims=True)(x)
        return layers.Add()([x + x, mean])

    model = network(join, POSITIONS, batch_size)
    x = draw_inputs(model, batch_size or 1)
    keep = np.arange(POSITIONS) < 4
    check_close(
        prune_channels(model, {"x": keep})(x), run_gated(model, {"x": keep.astype("float32")}, x)
    )
