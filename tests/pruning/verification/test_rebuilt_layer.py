"""Layers that are built again are compared by what they are, not by what became of them."""

import functools

import keras
import numpy as np
import pytest
from helpers.checks import check_close, draw_inputs, run_gated, with_random_weights
from helpers.opaque import Opaque
from keras import layers

from keras_switcher import SwitcherModel, prune_channels
from keras_switcher.graph.call import Call
from keras_switcher.graph.rules import RULES
from keras_switcher.pruning.verification.rebuilt_layer import describe_difference


class Own(Opaque):
    """Describes itself, by a number."""

    def __init__(self, number=0.5, **kwargs):
        super().__init__(**kwargs)
        self.number = number

    def call(self, inputs):
        return inputs * self.number

    def compute_output_shape(self, shape):
        return shape

    def get_config(self):
        return {**super().get_config(), "number": self.number}


class Seeds(Own):
    def __init__(self, number=0.5, **kwargs):
        super().__init__(number, **kwargs)
        self.seed = keras.random.SeedGenerator(1)


class Chain(Own):
    """Has a model in it that is built when it is first called."""

    def __init__(self, number=0.5, **kwargs):
        super().__init__(number, **kwargs)
        self.inner = keras.Sequential([layers.Dense(4), layers.Dropout(number)])

    def call(self, inputs, training=None):
        return self.inner(inputs, training=training)


class Rescales(Chain):
    """Has a layer in it that keeps the backend of its data."""

    def __init__(self, number=0.5, **kwargs):
        super().__init__(number, **kwargs)
        self.inner = keras.Sequential([layers.Rescaling(2.0), layers.Dense(4)])

    def build(self, shape):
        pass


class Functional(Chain):
    def __init__(self, number=0.5, **kwargs):
        super().__init__(number, **kwargs)
        inputs = keras.Input((4,))
        self.inner = keras.Model(inputs, layers.Dropout(number)(layers.Dense(4)(inputs)))

    def build(self, shape):
        pass


class KeepsShape(Own):
    def build(self, shape):
        self.shape = shape


KINDS = (Own, Seeds, Chain, Rescales, Functional, KeepsShape)


def trained(model, folder):
    for each in (model, getattr(model.layers[1], "inner", model)):
        each.compile("sgd", "mse", run_eagerly=True)
        each.fit(np.ones((2, 4)), np.ones((2, 4)), verbose=0)


HISTORIES = {
    "in a model": lambda model, folder: None,
    "trained": trained,
    "saved": lambda model, folder: model.save(folder / "model.keras"),
}
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    HISTORIES |= {
        "in a checkpoint": lambda model, folder: tf.train.Checkpoint(model).write(folder / "x"),
        "exported": lambda model, folder: model.export(str(folder / "model"), verbose=False),
        "seen by a module": lambda model, folder: tf.Module().__setattr__("model", model),
    }


def call_of(layer):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(4)(layer(inputs)))
    return model, Call(layer, layer.name, (inputs,), {})


@pytest.mark.parametrize("history", HISTORIES)
def test_what_became_of_a_layer_is_no_difference(history, tmp_path):
    for kind in KINDS:
        layer = kind(0.25)
        model, call = call_of(layer)
        HISTORIES[history](model, tmp_path)
        assert describe_difference(call, kind.from_config(layer.get_config())) is None, kind


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_layer_is_made_with_is_a_difference(kind):
    _, call = call_of(kind(0.25))
    assert describe_difference(call, kind(0.5)).startswith("its attribute `number` is another one")


@pytest.mark.parametrize("kind", [Chain, Functional])
def test_so_is_what_its_model_is_made_of(kind):
    layer, other = kind(0.25), kind(0.5)
    other.number = 0.25
    _, call = call_of(layer)
    assert describe_difference(call, other).startswith("its attribute `rate` of its layer 'dropout")


class OwnReshape(layers.Reshape):
    """Must have another size where channels go; has no weights."""


class HasCache(Own):
    """Python cannot copy a cache, and this one holds the layer itself."""

    def __init__(self, number=0.5, **kwargs):
        super().__init__(number, **kwargs)
        self.cached = functools.lru_cache(lambda: self.number)


class HasUnknownCache(HasCache):
    """Its configuration does not say what it is."""

    def get_config(self):
        return layers.Layer.get_config(self)


def network(own, before):
    x = inputs = keras.Input((6,))
    x = own(x) if before else x
    x = layers.Dense(8, "relu", name="first")(x)
    x = x if before else own(x)
    return with_random_weights(keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x))))


KEEP = {"first": np.arange(8) > 2}
REBUILT = {
    "of another size": (lambda: OwnReshape((2, 4), name="own"), False, {"first": np.arange(4) > 1}),
    "flat": (lambda: OwnReshape((8,), name="own"), False, KEEP),
    "of rows": (lambda: OwnReshape((1, 8), name="own"), False, KEEP),
    "not copied": (lambda: HasCache(name="own"), True, KEEP),
    "not copied, cut": (lambda: HasCache(name="own"), False, KEEP),
}


@pytest.mark.parametrize("kind", REBUILT)
def test_layers_without_weights_are_built_again(kind, monkeypatch):
    monkeypatch.setitem(RULES, OwnReshape, RULES[layers.Reshape])
    monkeypatch.setitem(RULES, HasCache, lambda call, reader: reader.pass_on(call))
    make, before, keep = REBUILT[kind]
    model = network(make(), before)
    x = draw_inputs(model)
    small = prune_channels(model, keep)
    assert type(small.get_layer("own")) is type(model.get_layer("own"))
    check_close(small(x), run_gated(model, {"first": np.float32(keep["first"])}, x))
    SwitcherModel(model)  # Without a warning.


def test_what_can_neither_be_copied_nor_built_again_is_told_before_training():
    model = network(HasUnknownCache(0.25, name="own"), True)
    with pytest.warns(UserWarning, match=r"export\(\) will fail: 'own' .* `number` is another"):
        SwitcherModel(model)
    with pytest.raises(ValueError, match=r"'own' .* `number` is another one"):
        prune_channels(model, KEEP)
