"""What a function reads is told from its graph, by whatever way it finds it."""

import sys

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_switcher import channel_groups, count_macs, prune_channels
from keras_switcher.graph.differences import difference
from keras_switcher.graph.variable_reads import (
    captured_handles,
    is_among,
)

tf = pytest.importorskip("tensorflow")
pytestmark = pytest.mark.only(
    "tensorflow",
    reason="It is about what TensorFlow's graphs capture.",
)


class Holding(layers.Layer):
    """Reads what it finds in a layer that it holds."""

    def __init__(self, layer, find, **kwargs):
        super().__init__(**kwargs)
        self.held, self.find = [layer], find

    def call(self, inputs):
        return inputs * ops.mean(self.find(self.held[0]))


def of_bias(layer):
    return layer.bias


READERS = {
    "function": lambda layer, find: layers.Lambda(
        lambda x: x * ops.mean(find(layer)), name="reader"
    ),
    "compiled": lambda layer, find: layers.Lambda(
        tf.function(lambda x: x * tf.reduce_mean(find(layer))), name="reader"
    ),
    "activation": lambda layer, find: layers.Activation(
        lambda x: x * ops.mean(find(layer)), name="reader"
    ),
    "layer": lambda layer, find: Holding(layer, find, name="reader"),
}


def read_by(make):
    """A network in which something reads a variable of a layer 'held'."""
    inputs, held = keras.Input((4,)), layers.Dense(6, name="held")
    y = held(layers.Dense(5, name="before")(inputs))
    x = make(held)(layers.Dense(7, name="other")(inputs))
    return keras.Model(inputs, layers.Dense(3, name="head")(layers.Concatenate()([x, y])))


@pytest.mark.parametrize("reader", READERS)
def test_who_reads_a_bias_does_not_read_a_kernel(reader):
    model = read_by(lambda held: READERS[reader](held, of_bias))
    for _ in range(2):  # What has been compiled by then reads the same.
        counts = count_macs(model)
        assert "kernel" not in str(counts.unknown)
        assert counts.total == 4 * 5 + 5 * 6 + 4 * 7 + (6 + 7) * 3
        reasons = {group.name: group.reason for group in channel_groups(model)}
        assert reasons["before"] == (
            "feeds 'held', whose bias is also read by 'reader', for which no rule ties it"
        )


@pytest.mark.parametrize("reader", READERS)
def test_who_reads_a_kernel_is_said_to(reader):
    model = read_by(lambda held: READERS[reader](held, lambda layer: layer.kernel))
    for _ in range(2):
        assert count_macs(model).unknown["reader"] == (
            "it reads the kernel of 'held', and no rule says how often"
        )


def test_who_holds_a_layer_but_reads_nothing_of_it_is_said_to():
    model = read_by(lambda held: layers.Lambda(lambda x: x * held.units, name="reader"))
    reasons = {group.name: group.reason for group in channel_groups(model)}
    assert reasons["before"].startswith("feeds 'held', whose kernel is also within reach of 'rea")
    assert not count_macs(model).unknown


HIDDEN = {}


def yielding():
    while True:
        yield HIDDEN["layer"]


ENDLESS = yielding()
WAYS = {
    "globals()": lambda: globals()["HIDDEN"]["layer"],
    "name of an attribute": lambda: sys.modules[__name__].HIDDEN["layer"],
    "generator": lambda: next(ENDLESS),
    "evaluated": lambda: eval("HIDDEN['layer']"),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_read_by_hidden_ways_is_tied_and_no_copy_reads_the_old(way):
    def make(held):
        HIDDEN["layer"] = held
        return layers.Lambda(lambda x: x * ops.mean(WAYS[way]().kernel), name="reader")

    model = read_by(make)
    groups = {group.name: group for group in channel_groups(model)}
    assert "also read by 'reader'" in groups["held"].reason
    with pytest.raises(ValueError, match="reads the kernel that 'held' and 'reader' share"):
        prune_channels(model, {"before/inputs": np.arange(4) > 0})


def test_handles_are_those_of_what_is_read():
    read, held = keras.Variable([1.0, 2.0]), tf.Variable(3.0)
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer([1], [2]), 0)
    inner = tf.function(lambda x: x * tf.reduce_sum(read))
    inner(tf.ones((1, 3)))
    handles = captured_handles(lambda x: inner(x) + held.shape.rank, keras.KerasTensor((1, 3)))
    assert is_among(handles, read)
    assert is_among(handles, held) is False
    assert is_among(None, read) is None
    assert len(captured_handles(lambda x: table.lookup(x), keras.KerasTensor((3,), "int32"))) == 1
    assert captured_handles(lambda x: 1 / 0, keras.KerasTensor((3,))) is None


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([1 + 1j, 4], [1 + 2j, 4], 0.25),
        ([4, 2j], [4, 3j], 0.25),
        ([1 + 1j, complex(2, np.nan)], [1 + 1j, complex(2, np.nan)], 0),
        ([1, complex(2, np.nan)], [1, complex(3, np.nan)], 1 / 3),
        ([1.0, 2.0], [1 + 2j, 2], 1),
        ([True, False], [True, True], 1),
    ],
)
def test_differences_are_of_real_and_imaginary_parts(one, other, expected):
    assert difference([np.array(one)], [np.array(other)]) == pytest.approx(expected)
