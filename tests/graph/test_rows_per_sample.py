"""The axis of the samples: constants hold for each of them, and positions may lie there."""

import keras
import numpy as np
import pytest
from helpers.checks import check_close, draw_inputs, run_gated, with_random_weights
from keras import layers, ops

from keras_switcher import channel_groups, count_macs, prune_channels
from keras_switcher.graph.rules import rule

NONE = np.zeros(5, bool)


def network(make, shape=(4, 6), batch_size=None):
    """A sum of eight channels and of what is made of eight others, which read group `a`."""
    inputs = keras.Input(shape, batch_size=batch_size)
    stem = layers.Dense(8, name="stem")(inputs)
    branch = layers.Dense(8, name="back")(layers.Dense(5, "relu", name="a")(stem))
    return with_random_weights(
        keras.Model(inputs, layers.Dense(2, name="head")(stem + make(branch)))
    )


def check_folded(model):
    x = draw_inputs(model, model.inputs[0].shape[0] or 3)
    expected = run_gated(model, {"a": np.zeros(5, "float32")}, x)
    check_close(prune_channels(model, {"a": NONE})(x), expected)


@pytest.mark.parametrize(
    ("make", "where"),
    [
        (lambda x: x - ops.sum(x, axis=0, keepdims=True), "'sum"),
        (lambda x: x / ops.sqrt(ops.sum(x * x)), "'sum"),
        (lambda x: ops.cumsum(x, axis=0), "'cumsum"),
    ],
    ids=["sum", "norm", "cumsum"],
)
def test_a_constant_that_mixes_samples_is_refused(make, where):
    with pytest.raises(ValueError, match=f"{where}.* would read a constant and mix its samples"):
        prune_channels(network(make), {"a": NONE})


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x - ops.mean(x, axis=0, keepdims=True) + ops.max(x),
        lambda x: ops.reshape(ops.swapaxes(ops.reshape(x, (-1, 2, 2, 8)), 1, 2), (-1, 4, 8)),
        lambda x: ops.transpose(ops.tanh(ops.transpose(x, (1, 0, 2))), (1, 0, 2)),
        lambda x: ops.sum(ops.stack([x, x], axis=1), axis=1),
        lambda x: keras.Sequential([layers.Dense(8), layers.Dense(8)])(x, training=True),
    ],
    ids=["mean", "reshape", "transpose", "stack", "training"],
)
def test_a_constant_that_is_the_same_for_any_batch_is_folded(make):
    check_folded(network(make))


def test_all_is_known_of_a_batch_of_fixed_size():
    check_folded(network(lambda x: ops.reshape(ops.cumsum(x, axis=0), (5, 4, 8)), batch_size=5))


def test_a_constant_that_would_lose_the_samples_is_refused():
    inputs = keras.Input((6,))
    dead = layers.Dense(8, name="dead")(layers.Dense(5, name="a")(inputs))
    largest = ops.max(layers.Dense(8, name="other")(inputs), axis=0, keepdims=True)
    model = keras.Model(inputs, layers.Dense(2)(dead + largest))
    with pytest.raises(ValueError, match=r"left of 'a'.*would read a constant"):
        prune_channels(model, {"a": NONE})


def windows(x):
    """Pairs of positions, as windows are, with a layer of their own."""
    x = layers.Dense(8, name="in_windows")(ops.reshape(x, (-1, 2, 8)))
    return ops.reshape(x, (-1, 4, 8))


def test_positions_among_the_samples_are_counted():
    assert count_macs(network(windows))["in_windows"] == 4 * 8 * 8
    keep = {"stem": np.arange(8) < 3, "a": np.arange(5) < 2}
    small = prune_channels(network(windows), keep)
    assert count_macs(small)["in_windows"] == 4 * 8 * 3
    fixed = network(windows, batch_size=5)
    assert count_macs(fixed)["in_windows"] == 4 * 8 * 8


@pytest.mark.parametrize(
    ("shape", "flat"),
    [
        ((None, 8), lambda x: ops.reshape(x, (-1, 8))),
        ((8,), lambda x: ops.repeat(x, 4, axis=0)),
        ((8,), lambda x: ops.concatenate([x, x], axis=0)),
    ],
    ids=["open", "repeat", "concatenate"],
)
def test_positions_among_the_samples_that_are_not_known(shape, flat):
    inputs = keras.Input(shape)
    x = layers.Dense(8, name="flat")(flat(inputs))
    assert list(count_macs(keras.Model(inputs, x)).unknown) == ["flat"]


def test_a_mean_over_samples_has_one_row():
    inputs = keras.Input((8,))
    x = layers.Dense(4, name="of_mean")(ops.reshape(ops.mean(inputs, axis=0), (1, 8)))
    assert count_macs(keras.Model(inputs, inputs[:, :4] + x))["of_mean"] == 8 * 4


@pytest.mark.parametrize(
    "make", [windows, lambda x: ops.concatenate([x, x], axis=0)], ids=["windows", "concatenate"]
)
def test_a_constant_whose_positions_move_among_the_samples_is_refused(make):
    with pytest.raises(ValueError, match="would move positions of a constant among the samples"):
        prune_channels(network(make), {"a": NONE})


def test_a_branch_within_windows_goes():
    inputs = keras.Input((4, 6))
    x = ops.reshape(layers.Dense(8, name="stem")(inputs), (-1, 2, 8))
    x = x + layers.Dense(8)(layers.Dense(5, "relu", name="a")(x))
    outputs = layers.Dense(2)(ops.reshape(x, (-1, 4, 8)))
    check_folded(with_random_weights(keras.Model(inputs, outputs)))


@pytest.mark.parametrize("layer", [layers.Dropout(0.5), layers.BatchNormalization()])
def test_a_constant_of_a_layer_that_always_trains_is_refused(layer):
    model = network(lambda x: layer(x, training=True))
    with pytest.raises(ValueError, match=r"left of 'a'.*would read a constant with training=True"):
        prune_channels(model, {"a": NONE})


@pytest.mark.parametrize(
    "use",
    [
        lambda x: ops.mean(ops.transpose(x) * 2.0, axis=0),
        lambda x: ops.sum(ops.square(3.0 * ops.mean(x, axis=0))),
        lambda x: layers.Flatten()(ops.transpose(ops.expand_dims(x, 1))),
        lambda x: layers.PReLU()(ops.transpose(x)),
    ],
    ids=["transposed", "vector", "Flatten", "PReLU"],
)
def test_channels_along_the_first_axis_are_followed_or_refused(use):
    inputs = keras.Input((6,), batch_size=3)
    hidden = layers.Dense(5, "relu", name="a")(inputs)
    model = keras.Model(inputs, [layers.Dense(2)(hidden), use(hidden)])
    group = next(group for group in channel_groups(model) if group.name == "a")
    assert not group.prunable


def test_channels_along_the_first_axis_are_pruned_where_a_mean_over_samples_is_added():
    inputs = keras.Input((6,))
    hidden = layers.Dense(5, name="a")(inputs)
    model = with_random_weights(
        keras.Model(inputs, layers.Dense(2)(hidden + 3 * ops.mean(hidden, axis=0)))
    )
    x = draw_inputs(model, 4)
    keep = np.array([1, 0, 1, 1, 0], "float32")
    check_close(prune_channels(model, {"a": keep > 0})(x), run_gated(model, {"a": keep}, x))


def test_channels_that_a_rule_says_nothing_about_stay():
    class Silent(layers.Identity):
        pass

    @rule(Silent)
    def silent(call, reader):
        pass

    inputs = keras.Input((6,))
    x = Silent(name="silent")(layers.Dense(5, name="a")(inputs))
    reasons = {g.name: g.reason for g in channel_groups(keras.Model(inputs, layers.Dense(2)(x)))}
    assert reasons["a"] == "is lost in 'silent'"
