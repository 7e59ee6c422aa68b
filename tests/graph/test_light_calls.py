"""Calls of layers that Keras does not make itself are those that it would make."""

from contextlib import nullcontext

import keras
import pytest
from helpers.composites import (
    Branches,
    Composite,
    ConvNorm,
    Encoder,
    Join,
    OtherInTraining,
    Residual,
    Split,
    Tokens,
    pictures,
)
from keras import layers, tree
from keras.src.backend.common import global_state

from keras_switcher.graph.opening import recording
from keras_switcher.graph.tracing import trace


class Sets(Composite):
    """Its second layer goes by the `training` that its first one is told, and by no other."""

    def __init__(self, told=None, **kwargs):
        super().__init__(**kwargs)
        self.told = told

    def build(self, shape):
        self.first, self.second = layers.BatchNormalization(), layers.Dropout(0.5)
        self.first.build(shape)

    def call(self, x, training=None):
        return self.second(self.first(x, training=self.told))


class Casts(Composite):
    """It calls layers on tensors of another type."""

    def build(self, shape):
        self.conv, self.inner = layers.Conv2D(self.width, 1), ConvNorm(self.width)
        self.conv.build(shape)
        self.inner.build((*shape[:-1], self.width))

    def call(self, x, training=None):
        h = self.conv(keras.ops.cast(x, "bfloat16"))
        return self.inner(keras.ops.cast(h, "float16"), training=training)


BLOCKS = {
    "a block": lambda: [ConvNorm(8, name="own")],
    "blocks in a block": lambda: [Residual(8, name="own")],
    "several inputs and outputs": lambda: [Split(5, name="own"), Join(7, name="join")],
    "branches by arguments": lambda: [Branches(6, name="own")],
    "tokens": lambda: [Tokens(8, name="own"), Encoder(12, name="encoder")],
    "in training": lambda: [OtherInTraining(4, name="own")],
    "fixed training": lambda: [Sets(True, name="own")],
    "no training": lambda: [Sets(None, name="own")],
    "another type": lambda: [Casts(4, name="own")],
}


def told(model):
    """All that is read of a network: its calls, and why what is closed is."""

    def plain(x):
        return ("tensor", tuple(x.shape), x.dtype) if isinstance(x, keras.KerasTensor) else str(x)

    graph = trace(model)
    calls = [
        (
            call.name,
            type(call.op),
            tree.map_structure(plain, (call.args, call.kwargs, call.outputs)),
        )
        for call in graph.calls
    ]
    return calls, [closed.reason for closed in graph.closed.values()]


@pytest.mark.parametrize("name", BLOCKS)
def test_the_calls_are_those_that_keras_notes(name, monkeypatch):
    model = pictures(*BLOCKS[name]())
    light = told(model)
    monkeypatch.setattr(recording, "lightly_called", lambda around: nullcontext())
    assert light == told(model)
    assert global_state.get_global_attribute("current_call_ctx") is None
