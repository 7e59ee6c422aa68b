"""Layers that are built again keep what no configuration can hold."""

import keras
import numpy as np
import pytest
import tensorflow as tf
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


def test_learned_boundaries_come_along():
    values = np.random.default_rng(0).normal(size=(100, 4))
    bins = layers.Discretization(num_bins=5)
    bins.adapt(values)
    parts = [layers.Embedding(6, 3), layers.Flatten(), layers.Dense(8, name="hidden")]
    model = randomise(keras.Sequential([keras.Input((4,)), bins, *parts, layers.Dense(2)]))
    keep = {"hidden": np.arange(8) > 2}
    small = prune_channels(model, keep)
    x = np.float32(values[:16])
    check_close(small(x), run_gated(model, {"hidden": np.float32(keep["hidden"])}, x))


NUMBERS = np.arange(10, 20)[:, None]
WORDS = {
    "integers": (layers.IntegerLookup, {}, NUMBERS),
    "integers counted": (
        layers.IntegerLookup,
        {"output_mode": "count"},
        np.arange(10, 20)[:, None],
    ),
    "strings": (layers.StringLookup, {"output_mode": "multi_hot"}, np.array([["a"], ["b"], ["c"]])),
    "given": (layers.StringLookup, {"vocabulary": ["a", "b", "c"]}, None),
    "text": (layers.TextVectorization, {"output_sequence_length": 4}, ["a b c", "b c d"]),
    "text weighed": (layers.TextVectorization, {"output_mode": "tf_idf"}, ["a b c", "b c d"]),
}


@pytest.mark.parametrize("name", WORDS)
def test_learned_vocabularies_come_along(name, tmp_path):
    kind, settings, data = WORDS[name]
    lookup = kind(**settings)
    if data is not None:
        lookup.adapt(data)
    is_text, is_whole = kind is layers.TextVectorization, kind is layers.IntegerLookup
    inputs = keras.Input(() if is_text else (4,), dtype="int64" if is_whole else "string")
    x = lookup(inputs)
    if "int" in x.dtype:
        x = layers.Flatten()(layers.Embedding(12, 3)(x))
    x = layers.Dense(6, "relu", name="hidden")(x)
    model = randomise(keras.Model(inputs, layers.Dense(2)(x)))
    model.save(tmp_path / "model.keras")
    batch = [[12, 7, 19, 13]] if is_whole else ["b d a"] if is_text else [["c", "a", "x", "b"]]
    batch = tf.constant(batch, inputs.dtype)
    for each in (model, keras.models.load_model(tmp_path / "model.keras")):
        check_close(prune_channels(each, {"hidden": np.ones(6, bool)})(batch), model(batch))
