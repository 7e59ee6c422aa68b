"""Code that hands `training` on is run in inference alone; what asks for it, in training, too."""

import keras
import numpy as np
import pytest
from helpers.composites import Composite
from keras import layers

from keras_switcher.graph.opening.comparison import Comparison
from keras_switcher.graph.opening.hidden_value import HiddenValue
from keras_switcher.graph.tracing import trace


class Trains(Composite):
    """Does something else in training with numbers, in a way that code may ask for."""

    def __init__(self, way=None, **kwargs):
        super().__init__(**kwargs)
        self.way, self.asks = way, WAYS.get(way)

    def build(self, shape):
        self.dense, self.norm = layers.Dense(4), layers.BatchNormalization()
        self.dropout = layers.Dropout(0.5)
        self.dense.build(shape)
        self.norm.build((*shape[:-1], 4))

    def call(self, x, training=None):
        h = self.dense(x)
        is_number = not isinstance(x, keras.KerasTensor)
        if self.way == "norm" and is_number:
            return self.norm(h, training=None)
        h = self.norm(h, training=training)
        h = self.dropout(h, training=training)
        return h * 2 if is_number and self.asks and self.asks(training) else h


WAYS = {
    "is": lambda training: training is True,
    "bool": lambda training: isinstance(training, bool) and training,
    "equals": lambda training: training == True,  # noqa: E712 (what others' code may do)
    "in": lambda training: training in (True, 1),
    "key": lambda training: {True: True}.get(training, False),
    "text": lambda training: str(training) == "True",
    "format": lambda training: f"{training}" == "True",
    "number": lambda training: training is not None and float(training) > 0,
    "array": lambda training: bool(np.any(np.asarray(training, bool))),
    "not": lambda training: bool(training),
}


@pytest.mark.parametrize("way", [*WAYS, "norm"])
def test_code_that_asks_whether_it_is_in_training_is_run_in_training(way):
    model = keras.Sequential([keras.Input((3,)), Trains(way, name="own"), layers.Dense(2)])
    (closed,) = trace(model).closed.values()
    assert closed.reason.startswith("what was found in it computes")
    assert closed.reason.endswith("in training")


def test_code_that_hands_training_on_is_run_once(monkeypatch):
    run = Comparison._run_layer
    told = []

    def noting(comparison, args, kwargs, training):
        told.append(training)
        return run(comparison, args, kwargs, training)

    monkeypatch.setattr(Comparison, "_run_layer", noting)
    model = keras.Sequential([keras.Input((3,)), Trains(name="own"), layers.Dense(2)])
    assert not trace(model).closed
    assert [(type(each), each.value) for each in told] == [(HiddenValue, False)]
