"""prune_channels takes masks from outside: good ones exactly, bad ones never."""

import keras
import numpy as np
import pytest
from helpers.checks import (
    check_close,
    check_exact,
    check_same_weights,
    draw_inputs,
    weights_of,
    with_random_weights,
)
from helpers.exactness import check_exact_graph
from hypothesis import given
from hypothesis import strategies as st
from keras import layers

from keras_switcher import prune_channels


def network():
    inputs = keras.Input((6,), name="data")
    hidden = layers.Dense(5, activation="relu", name="hidden")(inputs)
    hidden = layers.BatchNormalization(name="norm")(hidden)
    hidden = layers.Dense(4, activation="tanh", name="second")(hidden)
    return with_random_weights(
        keras.Model(inputs, layers.Dense(2, name="head")(hidden), name="net")
    )


GOOD = np.array([True, False, True, True, False])
SCALE = np.array([0.5, 1, 2, 3, 1], "float32")


@given(st.lists(st.integers(2, 9), min_size=2, max_size=4), st.integers(0, 10_000))
def test_any_masks_and_factors_are_exact(widths, seed):
    sizes = {f"dense{i}": width for i, width in enumerate(widths)}
    model = keras.Sequential([keras.Input((5,))])
    for name, width in sizes.items():
        model.add(layers.Dense(width, activation="silu", name=name))
    model.add(layers.Dense(3, name="head"))
    rng = np.random.default_rng(seed)
    keep = {name: rng.random(size) < 0.5 for name, size in (sizes | {"dense0/inputs": 5}).items()}
    scale = {name: rng.uniform(0.1, 3, len(mask)) for name, mask in keep.items()}
    for name, mask in keep.items():
        mask[rng.integers(len(mask))] = True  # Something is left.
        scale[name][np.argmax(mask)] = 2.5  # Something changes.
    small = check_exact(with_random_weights(model, seed), keep, scale)
    assert [small.get_layer(name).units for name in sizes] == [keep[name].sum() for name in sizes]
    assert small.input_shape == model.input_shape


def test_pruning_twice_is_pruning_once():
    model = network()
    once = prune_channels(model, {"hidden": GOOD, "second": np.array([1, 1, 0, 0], bool)})
    twice = prune_channels(model, {"hidden": np.array([1, 0, 1, 1, 1], bool)})
    keep = {"hidden": np.array([1, 1, 1, 0], bool), "second": np.array([1, 1, 0, 0], bool)}
    twice = prune_channels(twice, keep)
    for a, b in zip(weights_of(once), weights_of(twice), strict=True):
        np.testing.assert_array_equal(a, b)


def test_scale_alone_and_factor_zero():
    model = network()
    x = draw_inputs(model)
    small = prune_channels(model, {}, {"hidden": np.where(GOOD, SCALE, 0)})
    assert small.get_layer("hidden").units == GOOD.sum()
    check_close(small(x), prune_channels(model, {"hidden": GOOD}, {"hidden": SCALE})(x))


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        ({"hiden": GOOD}, "'hiden' names no channel group or layer. Pass one of: 'hidden', "),
        ({"norm": GOOD}, "'norm' names no channel group or layer. .*'second', 'head'"),
        ({"hidden": GOOD[:4]}, r"must have shape \(5,\).*'hidden'. Received shape \(4,\)"),
        ({"hidden": GOOD[None]}, r"must have shape \(5,\).*Received shape \(1, 5\)"),
        ({"hidden": GOOD.astype(int)}, r"keep\['hidden'\] must be boolean .*dtype int64"),
        ({"hidden": SCALE}, "must be boolean .*Received dtype float32"),
        ({"head": np.array([True, False])}, "'head' in `keep` cannot be pruned: its channels are"),
        ({"hidden": np.zeros(5, bool)}, "Nothing is left of 'hidden'"),
        ({"hidden/inputs": np.zeros(6, bool)}, "Nothing is left of 'hidden/inputs'"),
        ([GOOD], "`keep` must map names of groups or layers to vectors"),
        (None, "`keep` must map names"),
    ],
)
def test_bad_masks_raise_and_lose_nothing(keep, message):
    check_raises(keep, None, message)


@pytest.mark.parametrize(
    ("scale", "message"),
    [
        ({"nothing": SCALE}, "'nothing' names no channel group"),
        ({"hidden": SCALE[:3]}, r"scale\['hidden'\] must have shape \(5,\)"),
        ({"hidden": SCALE.astype(int)}, "must be floating point. Received dtype int64"),
        ({"hidden": -SCALE}, "must be finite and not negative"),
        ({"hidden": SCALE * np.nan}, "must be finite and not negative"),
        ({"head": np.ones(2)}, "'head' in `scale` cannot be pruned"),
        ({"hidden": SCALE * 0}, "Nothing is left of 'hidden'"),
    ],
)
def test_bad_factors_raise_and_lose_nothing(scale, message):
    check_raises({"hidden": GOOD}, scale, message)


def check_raises(keep, scale, message):
    model = network()
    before, config = weights_of(model), model.get_config()
    with pytest.raises(ValueError, match=message):
        prune_channels(model, keep, scale)
    check_same_weights(model, before)
    assert model.get_config() == config


def test_masks_of_one_group_must_agree():
    inputs, shared = keras.Input((4,)), layers.Dense(5, name="shared")
    hidden = shared(layers.Dense(5, name="first")(inputs))
    model = with_random_weights(keras.Model(inputs, layers.Dense(3)(shared(hidden))))
    with pytest.raises(ValueError, match="'first' and 'shared' belong to one group, 'first'"):
        prune_channels(model, {"first": GOOD, "shared": ~GOOD})
    for keep in ({"first": GOOD, "shared": GOOD}, {"shared": GOOD}):
        assert prune_channels(model, keep).get_layer("first").units == 3


@pytest.mark.parametrize("shape", [(6, 4), (1, 6, 4), (6, 1, 4)])
def test_an_array_that_is_added_never_becomes_a_vector(shape):
    """With one channel left Keras would take it for a bias of another axis of a square image."""
    inputs = keras.Input((6, 6, 3))
    added = np.random.default_rng(0).normal(size=shape).astype("float32")
    x = layers.Conv2D(4, 1, name="first")(inputs) + added
    model = with_random_weights(keras.Model(inputs, layers.Conv2D(3, 2)(x)))
    small = check_exact_graph(model, {"first": np.arange(4) < 1}, step=False)
    assert small.get_layer("first").filters == 2


def test_a_bias_with_two_axes_never_becomes_a_vector():
    inputs = keras.Input((6, 6, 4))
    x = layers.EinsumDense("abcd,de->abce", (6, 6, 4), bias_axes="ce", name="first")(inputs)
    model = with_random_weights(keras.Model(inputs, layers.Conv2D(3, 2)(x)))
    check_exact_graph(model, {"first": np.arange(4) < 1}, step=False)
