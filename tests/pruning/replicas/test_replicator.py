"""Layers that their get_config() does not describe are copied, or refused."""

import keras
import numpy as np
import pytest
from helpers.checks import (
    check_close,
    check_independent,
    draw_inputs,
    run_gated,
    with_random_weights,
)
from helpers.odd_layers import Forgets, Own, odd_layer, scaling
from keras import layers, ops

from keras_switcher import SwitcherModel, prune_channels
from keras_switcher.graph.rules import RULES

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    Variable = tf.Variable
else:
    Variable = keras.Variable


class Unwritten(Own):
    """Keras cannot write down what it is made with."""

    def __init__(self, function, **kwargs):
        super().__init__(**kwargs)
        self.function = function

    def call(self, inputs):
        return self.function(inputs * self.gain)


class Holding(Own):
    """Holds a variable, of TensorFlow if it is there, an array, and a function of itself."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.variable = Variable(1.0, trainable=False)
        self.array = np.ones(1, "float32")
        self.function = lambda x: x * self.variable

    def call(self, inputs):
        return self.function(inputs * self.gain) * self.array

    def get_config(self):
        return layers.Layer.get_config(self)


class Regularized(layers.Dense):
    """A stock layer with something more."""

    def __init__(self, units, scale=1.0, **kwargs):
        super().__init__(units, **kwargs)
        self.scale = scale

    def call(self, inputs):
        return self.scale * super().call(inputs)


class TrainsOtherwise(Own):
    """Differs in training alone."""

    def call(self, inputs, training=None):
        return inputs * (self.gain * self.factor if training else self.gain)

    def get_config(self):
        return layers.Layer.get_config(self)


def holding():
    layer = Holding(name="own")
    layer.variable.assign(3.0)
    layer.array[:] = 2.0
    return layer


def halved(values):
    return values / 2


GAPS = {
    "forgets an argument": lambda: odd_layer("Forgets", "own"),
    "returns no configuration": lambda: odd_layer("NoReturn", "own"),
    "is made with a function": lambda: Unwritten(halved, name="own"),
    "is set later": lambda: odd_layer("SetLater", "own"),
    "holds variables and arrays": holding,
    "is built with other weights": lambda: odd_layer("OtherWeights", "own"),
    "gets a dropout": lambda: odd_layer("ExtraDropout", "own"),
    "trains otherwise": lambda: TrainsOtherwise(3.0, name="own"),
}
IN_WRAPPERS = {
    "a wrapped layer": lambda: layers.TimeDistributed(Forgets(3.0), name="own"),
    "a wrapped function": lambda: layers.TimeDistributed(
        layers.Activation(lambda x: 3 * x), name="own"
    ),
    "a subclass": lambda: Regularized(5, 3.0, name="own"),
}


def network(own):
    inputs = keras.Input((3, 6))
    x = own(layers.Dense(8, "relu", name="first")(inputs))
    x = layers.Dense(7, "relu", name="second")(layers.Flatten()(x))
    return with_random_weights(keras.Model(inputs, layers.Dense(2)(x)))


@pytest.mark.parametrize("kind", [*GAPS, *IN_WRAPPERS])
def test_what_nothing_touches_is_copied_whole(kind):
    model = network({**GAPS, **IN_WRAPPERS}[kind]())
    keep, x = {"second": np.arange(7) > 2}, draw_inputs(model)
    nodes = len(model.get_layer("own")._inbound_nodes)
    small = prune_channels(model, keep, verify=False)
    assert len(model.get_layer("own")._inbound_nodes) == nodes
    check_close(small(x), run_gated(model, {"second": np.float32(keep["second"])}, x))
    check_independent(model, small, x)
    SwitcherModel(model)


@pytest.fixture
def ruled(monkeypatch):
    """A rule for all that scale channels, so that they have to be smaller."""
    for kind in (Own, *Own.__subclasses__()):
        monkeypatch.setitem(RULES, kind, scaling)


KEEP = {"first": np.arange(8) > 2}


@pytest.mark.parametrize("kind", GAPS)
def test_what_has_to_be_smaller_is_compared_with_what_it_was(kind, ruled):
    model = network(GAPS[kind]())
    with pytest.warns(UserWarning, match=r"export\(\) will fail: 'own' ") as seen:
        switched = SwitcherModel(model)
    assert [each.filename for each in seen if "export()" in str(each.message)] == [__file__]
    before = model.get_weights()
    with pytest.raises(ValueError, match=rf"'own' \(of type {type(model.layers[2]).__name__}\) "):
        prune_channels(model, KEEP)
    assert all(map(np.array_equal, before, model.get_weights()))
    assert switched.task is model


def test_what_its_configuration_describes_can_be_smaller(ruled):
    model = network(Own(3.0, name="own"))
    small, x = prune_channels(model, KEEP), draw_inputs(model)
    check_close(small(x), run_gated(model, {"first": np.float32(KEEP["first"])}, x))
    assert small.get_layer("own").gain.shape == (5,)
    SwitcherModel(model)


def test_what_layers_share_stays_shared():
    class Reader(layers.Layer):
        def __init__(self, dense, **kwargs):
            super().__init__(**kwargs)
            self.dense = dense

        def call(self, inputs):
            return ops.matmul(inputs, ops.transpose(self.dense.kernel))

    inputs = keras.Input((6,))
    owner = layers.Dense(5, name="owner")
    x = Reader(owner, name="reader")(owner(inputs))
    x = layers.Dense(7, "relu", name="hidden")(x)
    model = with_random_weights(keras.Model(inputs, layers.Dense(2)(x)))
    small = prune_channels(model, {"hidden": np.arange(7) > 2}, verify=False)
    assert small.get_layer("reader").dense is small.get_layer("owner")
    assert small.get_layer("owner") is not owner
