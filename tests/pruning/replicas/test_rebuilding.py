"""Layers that are built again keep what no configuration can hold."""

import keras
import numpy as np
import pytest
from helpers.checks import (
    check_close,
    draw_inputs,
    run_gated,
    with_random_weights,
)
from helpers.odd_layers import Own, scaling
from keras import layers

from keras_switcher import prune_channels
from keras_switcher.graph.rules import RULES


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
    model = with_random_weights(keras.Sequential([keras.Input((6,)), first, own, layers.Dense(3)]))
    keep, x = np.arange(8) > 2, draw_inputs(model)
    small = prune_channels(model, {"first": keep})
    check_close(small(x), run_gated(model, {"first": np.float32(keep)}, x))
    assert getattr(small.get_layer("own"), argument) is FUNCTIONS[argument]


@pytest.mark.only("tensorflow", reason="Keras looks for the boundaries with TensorFlow.")
def test_learned_boundaries_come_along():
    values = np.random.default_rng(0).normal(size=(100, 4))
    bins = layers.Discretization(num_bins=5)
    bins.adapt(values)
    parts = [layers.Embedding(6, 3), layers.Flatten(), layers.Dense(8, name="hidden")]
    model = with_random_weights(
        keras.Sequential([keras.Input((4,)), bins, *parts, layers.Dense(2)])
    )
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


@pytest.mark.only("tensorflow", reason="Keras's lookup layers are TensorFlow's.")
@pytest.mark.parametrize("name", WORDS)
def test_learned_vocabularies_come_along(name, tmp_path):
    import tensorflow as tf

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
    model = with_random_weights(keras.Model(inputs, layers.Dense(2)(x)))
    model.save(tmp_path / "model.keras")
    batch = [[12, 7, 19, 13]] if is_whole else ["b d a"] if is_text else [["c", "a", "x", "b"]]
    batch = tf.constant(batch, inputs.dtype)
    for each in (model, keras.models.load_model(tmp_path / "model.keras")):
        check_close(prune_channels(each, {"hidden": np.ones(6, bool)})(batch), model(batch))


class AnyNumber(Own):
    """Keras notes whether its constructor was given arguments without names."""

    def __init__(self, *args, factor=1.0, **kwargs):
        super().__init__(*args or [factor], **kwargs)


class WithoutName(Own):
    def __init__(self, *factors, **kwargs):
        super().__init__(sum(factors), **kwargs)

    @classmethod
    def from_config(cls, config):
        return cls(config.pop("factor"), 0.0, **config)


class OnlyInPlace(Own):
    def __init__(self, factor=1.0, /, **kwargs):
        super().__init__(factor, **kwargs)

    @classmethod
    def from_config(cls, config):
        return cls(config.pop("factor"), **config)


OWN = {
    "any number": lambda: AnyNumber(3.0, name="own"),
    "two": lambda: AnyNumber(factor=3.0, name="own"),
    "without a name": lambda: WithoutName(1.0, 2.0, name="own"),
    "only in place": lambda: OnlyInPlace(3.0, name="own"),
}


def network_of(own):
    parts = [layers.Dense(8, "relu", name="first"), own, layers.Dense(3)]
    return with_random_weights(keras.Sequential([keras.Input((6,)), *parts]))


@pytest.mark.parametrize("name", OWN)
def test_how_arguments_were_passed_is_no_part_of_a_layer(name, monkeypatch):
    model, keep = network_of(OWN[name]()), np.arange(8) > 2
    monkeypatch.setitem(RULES, type(model.layers[1]), scaling)
    x = draw_inputs(model)
    small = prune_channels(model, {"first": keep})
    check_close(small(x), run_gated(model, {"first": np.float32(keep)}, x))
    assert small.get_layer("own").gain.shape == (5,)


class NoConfig(Own):
    def get_config(self):
        raise NotImplementedError


class NoKey(Own):
    def get_config(self):
        raise KeyError


class NotFrom(Own):
    @classmethod
    def from_config(cls, config):
        raise AttributeError


class NotCalled(Own):
    """Fails when it is called after it was built again."""

    def __init__(self, again=False, **kwargs):
        super().__init__(3.0, **kwargs)
        self.again = again

    def call(self, inputs):
        if self.again:
            raise ArithmeticError
        return super().call(inputs)

    def get_config(self):
        return {**layers.Layer.get_config(self), "again": True}


WORDLESS = {
    NoConfig: "cannot be built again: NotImplementedError",
    NoKey: "cannot be built again: KeyError",
    NotFrom: "cannot be built again: AttributeError",
    NotCalled: "cannot be called when it was built again: ArithmeticError",
}


@pytest.mark.parametrize("kind", WORDLESS)
def test_an_error_without_words_is_told_by_its_type(kind, monkeypatch):
    monkeypatch.setitem(RULES, kind, scaling)
    model = network_of(kind(name="own"))
    with pytest.raises(ValueError, match=rf"of type {kind.__name__}\) {WORDLESS[kind]}\. The "):
        prune_channels(model, {"first": np.arange(8) > 2})


@keras.saving.register_keras_serializable("rebuilding")
def tanh(x, scale=1.0):
    return scale * keras.ops.tanh(x)


@keras.saving.register_keras_serializable("rebuilding")
def same_shape(shape):
    return tuple(shape)


@keras.saving.register_keras_serializable("rebuilding")
def same_mask(inputs, mask=None):
    return mask


LAMBDAS = {
    "function of the shape": {"output_shape": same_shape},
    "lambda of the shape": {"output_shape": lambda shape: shape},
    "shape": {"output_shape": (8,)},
    "mask": {"mask": same_mask},
    "arguments": {"arguments": {"scale": 3.0}},
    "all": {"output_shape": same_shape, "mask": same_mask, "arguments": {"scale": 2.0}},
}


@pytest.mark.parametrize("name", LAMBDAS)
def test_the_files_of_functions_that_were_built_again_are_loaded(name, tmp_path):
    model, keep = network_of(layers.Lambda(tanh, name="own", **LAMBDAS[name])), np.arange(8) > 2
    x = draw_inputs(model)
    small = prune_channels(model, {"first": keep})
    small.save(tmp_path / "small.keras")
    loaded = keras.saving.load_model(tmp_path / "small.keras", safe_mode=False)
    for each in (small, loaded, prune_channels(loaded, {"first": np.ones(5, bool)})):
        check_close(each(x), run_gated(model, {"first": np.float32(keep)}, x))
    assert small.get_layer("own").output.shape == (None, 5)
