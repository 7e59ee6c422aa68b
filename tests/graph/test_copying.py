"""Copies of layers have all that the layers have, as their own."""

import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from keras_switcher.graph.copying import copied_whole
from keras_switcher.graph.holding import holds_state


class Nested(layers.Layer):
    """Layers in a list and a dict, a model, seeds, and a function of itself."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.many = [layers.Dense(4), layers.Dropout(0.3)]
        self.named = {"norm": layers.BatchNormalization()}
        self.chain = keras.Sequential([keras.Input((4,)), layers.Dense(4, "relu")])
        inputs = keras.Input((4,))
        self.model = keras.Model(inputs, ops.relu(layers.Dense(4)(inputs)) + inputs)
        self.variable = tf.Variable(2.0)
        self.function = lambda x: self.helper(x * self.variable)

    def helper(self, x):
        return 2 * x

    def build(self, shape):
        self.many[0].build(shape)
        self.named["norm"].build((None, 4))

    def call(self, x, training=None):
        x = self.named["norm"](self.many[0](x), training=training)
        return self.function(self.model(self.chain(self.many[1](x, training=training))))


STOCK = {
    "wrapper": (layers.TimeDistributed, lambda: [layers.Dense(3)]),
    "both ways": (layers.Bidirectional, lambda: [layers.GRU(3)]),
    "cells": (layers.RNN, lambda: [[layers.LSTMCell(3), layers.GRUCell(2)]]),
    "normalization": (layers.LayerNormalization, list),
}
X = np.random.default_rng(0).normal(size=(2, 4, 5)).astype("float32")


@pytest.mark.parametrize("kind", ["nested", *STOCK])
def test_copies_compute_the_same_with_variables_of_their_own(kind):
    layer = Nested() if kind == "nested" else STOCK[kind][0](*STOCK[kind][1]())
    x = X[:, 0] if kind == "nested" else X
    inputs = keras.Input(x.shape[1:])
    keras.Model(inputs, layer(inputs))
    for i, variable in enumerate(layer.trainable_variables):
        variable.assign(variable + 0.1 * i)
    copy = copied_whole([layer])[id(layer)]
    expected = layer(x)
    np.testing.assert_array_equal(copy(x), expected)
    assert not {id(v) for v in copy.variables} & {id(v) for v in layer.variables}
    for one, other in zip(layer.variables, copy.variables, strict=True):
        assert (one.name, one.trainable) == (other.name, other.trainable)
        one.assign(0 * one)
    np.testing.assert_array_equal(copy(x), expected)
    assert not copy._inbound_nodes
    assert len(layer._inbound_nodes) == 1


def test_copies_train_and_are_saved(tmp_path):
    layer = Nested()
    layer.build((None, 5))
    copy = copied_whole([layer])[id(layer)]
    inputs = keras.Input((5,))
    model = keras.Model(inputs, copy(inputs))
    model.compile("sgd", "mse", run_eagerly=True)
    before = layer.get_weights()
    model.train_on_batch(X[:, 0], np.ones((2, 4)))
    assert all(map(np.array_equal, before, layer.get_weights()))
    assert not np.array_equal(model.get_weights()[0], before[0])
    model.save_weights(tmp_path / "copy.weights.h5")
    model.load_weights(tmp_path / "copy.weights.h5")


def test_seeds_go_on_alike():
    layer = layers.Dropout(0.5)
    layer(np.ones((1, 4)), training=True)
    copy = copied_whole([layer])[id(layer)]
    for _ in range(2):
        drawn = [each(np.ones((8, 8)), training=True) for each in (layer, copy)]
        np.testing.assert_array_equal(*drawn)


owner_in_module = layers.Dense(3)


def test_functions_hold_the_copies_of_what_they_hold():
    owner_in_module.build((None, 2))
    owner = layers.Dense(3)
    owner.build((None, 2))

    def enclosing():
        return lambda x: ops.matmul(x, owner.kernel)

    def default(x, dense=owner):
        return ops.matmul(x, dense.kernel)

    def global_name(x):
        return ops.matmul(x, owner_in_module.kernel)

    made = [layers.Lambda(each) for each in (enclosing(), default, global_name)]
    copies = copied_whole([owner, owner_in_module, *made])
    owners = [copies[id(owner)]] * 2 + [copies[id(owner_in_module)]]
    x = np.ones((1, 2), "float32")
    for layer, of_copy in zip(made, owners, strict=True):
        of_copy.kernel.assign(ops.ones((2, 3)))
        np.testing.assert_array_equal(copies[id(layer)](x), [[2, 2, 2]])
    stateless = layers.Lambda(ops.relu)
    assert copied_whole([stateless])[id(stateless)].function is stateless.function
    assert [holds_state(f) for f in (enclosing(), default, global_name, len)] == [1, 1, 1, 0]


def test_what_cannot_be_copied_is_left_out():
    layer, other = layers.Activation("relu"), layers.Activation("relu")
    layer.lines = (line for line in "ab")
    assert list(copied_whole([layer, other])) == [id(other)]


@pytest.mark.parametrize(
    "make", [threading.Lock, threading.RLock, threading.Condition, threading.Event]
)
def test_what_guards_something_is_shared(make):
    layer = layers.Dense(2)
    layer.build((None, 3))
    layer.guards = {"first": make()}
    copy = copied_whole([layer])[id(layer)]
    assert copy.guards["first"] is layer.guards["first"]
    assert copy.kernel is not layer.kernel


def test_an_open_file_is_shared(tmp_path):
    layer = layers.Activation("relu")
    with (tmp_path / "log").open("w") as layer.log:
        assert copied_whole([layer])[id(layer)].log is layer.log
