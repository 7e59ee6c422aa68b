"""Copies of layers have all that the layers have, as their own."""

import asyncio
import collections
import contextvars
import functools
import io
import logging
import mmap
import multiprocessing
import queue
import random
import socket
import sqlite3
import tempfile
import threading
import types
from concurrent.futures import Future, ThreadPoolExecutor

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_switcher.pruning.replicas.copying import copied_whole
from keras_switcher.pruning.replicas.holding import holds_state

IS_TENSORFLOW = keras.backend.backend() == "tensorflow"
if IS_TENSORFLOW:
    import tensorflow as tf
# Of the backend where it has its own, which Keras does not track.
Variable = tf.Variable if IS_TENSORFLOW else keras.Variable


class Nested(layers.Layer):
    """Layers in a list and a dict, a model, seeds, and a function of itself."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.many = [layers.Dense(4), layers.Dropout(0.3)]
        self.named = {"norm": layers.BatchNormalization()}
        self.chain = keras.Sequential([keras.Input((4,)), layers.Dense(4, "relu")])
        inputs = keras.Input((4,))
        self.model = keras.Model(inputs, ops.relu(layers.Dense(4)(inputs)) + inputs)
        self.variable = Variable(2.0)
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
    layer = layers.Dropout(0.5, seed=1)  # Without one it would draw from PyTorch's generator.
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


def copy_holding(value):
    """What the copy of a layer has in the place of what the layer holds; None without a copy."""
    layer = layers.Layer()
    layer.held = value
    copies = copied_whole([layer])
    return copies[id(layer)].held if copies else None


class OwnQueue:
    """As queue.Queue is made."""

    def __init__(self):
        self.items, self.ready = [], {"one": threading.Condition()}


class Closer:
    """Would close what it holds twice, if there were two."""

    def __init__(self):
        self.handle = 7

    def __del__(self):
        self.handle = None


def bound_queue():
    made = asyncio.Queue()
    made.put_nowait(1)
    return made


ONE_OF_A_KIND = {
    "lock": threading.Lock,
    "reentrant lock": threading.RLock,
    "condition": threading.Condition,
    "event": threading.Event,
    "semaphore": threading.Semaphore,
    "barrier": lambda: threading.Barrier(2),
    "thread": threading.Thread,
    "of a thread": threading.local,
    "queue": queue.Queue,
    "stack": queue.LifoQueue,
    "priorities": queue.PriorityQueue,
    "simple queue": queue.SimpleQueue,
    "queue of a loop": bound_queue,
    "own queue": OwnQueue,
    "future": Future,
    "pool": lambda: ThreadPoolExecutor(1),
    "handler": logging.StreamHandler,
    "logger": lambda: logging.Logger("of nobody"),
    "lock of processes": multiprocessing.Lock,
    "number of processes": lambda: multiprocessing.Value("i"),
    "context": lambda: contextvars.ContextVar("context"),
    "generator": lambda: (line for line in "ab"),
    "map of memory": lambda: mmap.mmap(-1, 8),
    "socket": lambda: socket.socketpair()[0],
    "database": lambda: sqlite3.connect(":memory:"),
    "closer": Closer,
    "method": lambda: queue.Queue().get,
}
if IS_TENSORFLOW:
    ONE_OF_A_KIND["dataset"] = lambda: iter(tf.data.Dataset.range(3))
    ONE_OF_A_KIND["table"] = lambda: tf.lookup.experimental.MutableHashTable(tf.int64, tf.int64, 0)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("kind", ONE_OF_A_KIND)
def test_of_what_there_is_one_it_is_shared_whole(kind):
    value = ONE_OF_A_KIND[kind]()
    copy = copy_holding(value)
    assert copy == value if kind == "method" else copy is value
    assert copy_holding([value])[0] == value
    if hasattr(value, "close"):
        value.close()


@pytest.mark.parametrize("mode", ["w", "wb", "w+b", "r"])
def test_open_files_are_shared(mode, tmp_path):
    (tmp_path / "log").touch()
    with (tmp_path / "log").open(mode) as log:
        assert copy_holding(log) is log
    with tempfile.NamedTemporaryFile() as log:
        assert copy_holding(log) is log


def test_a_queue_hands_over_what_its_copy_is_given():
    held = queue.Queue()
    copy, got = copy_holding(held), []
    thread = threading.Thread(target=lambda: got.append(held.get(timeout=10)))
    thread.start()
    copy.put("item")
    thread.join()
    assert got == ["item"]


DATA = {
    "array": lambda: np.arange(3.0),
    "random numbers": lambda: np.random.default_rng(0),
    "counter": lambda: collections.Counter("aab"),
    "last": lambda: collections.deque([1], maxlen=2),
    "buffer": lambda: io.BytesIO(b"abc"),
    "random state": lambda: random.Random(0),
}


@pytest.mark.parametrize("kind", DATA)
def test_data_is_copied(kind):
    value = DATA[kind]()
    assert copy_holding([value])[0] is not value


class Guarded:
    """A variable, and what guards it."""

    def __init__(self):
        self.variable, self.lock = keras.Variable(2.0), threading.Lock()

    def value(self):
        return float(self.variable.value)


class Slots(Guarded):
    __slots__ = ("lock", "variable")


class Closing(Guarded):
    def __del__(self):
        pass


def enclosing(guarded):
    return lambda: guarded.value()


HOLDERS = {
    "object": (Guarded, Guarded.value),
    "slots": (Slots, Slots.value),
    "closing": (Closing, Closing.value),
    "method": (lambda: Guarded().value, lambda held: held()),
    "partial": (lambda: functools.partial(Guarded.value, Guarded()), lambda held: held()),
    "function": (lambda: enclosing(Guarded()), lambda held: held()),
}
if IS_TENSORFLOW:
    HOLDERS["traced function"] = (
        lambda: tf.function(enclosing_variable()),
        lambda held: float(held()),
    )


def enclosing_variable():
    variable = Variable(2.0)
    return lambda value=None: variable + 0.0 if value is None else variable.assign(value)


def set_to_three(held):
    """Sets the variable that something of `HOLDERS` holds."""
    while not isinstance(held, Guarded):
        if isinstance(held, types.FunctionType):
            held = held.__closure__[0].cell_contents
        elif isinstance(held, functools.partial):
            held = held.args[0]
        elif isinstance(held, types.MethodType):
            held = held.__self__
        else:
            return held.python_function(3.0)
    return held.variable.assign(3.0)


@pytest.mark.parametrize("kind", HOLDERS)
def test_variables_are_never_shared(kind):
    make, value_of = HOLDERS[kind]
    held = make()
    assert value_of(held) == 2
    copy = copy_holding(held)
    set_to_three(copy)
    assert (value_of(held), value_of(copy)) == (2, 3)


def doubled(variable):
    while True:
        yield 2 * variable


def scaled_dataset():
    factor = tf.Variable(2, dtype="int64")
    return tf.data.Dataset.range(2).map(lambda x: x * factor)


def filled(made):
    made.put(keras.Variable(1.0))
    return made


REFUSED = {
    "generator": lambda: doubled(keras.Variable(1.0)),
    "queue": lambda: filled(queue.Queue()),
    "simple queue": lambda: filled(queue.SimpleQueue()),
    "cache": lambda: functools.lru_cache(enclosing(Guarded())),
}
if IS_TENSORFLOW:
    REFUSED["graph"] = lambda: tf.function(enclosing_variable()).get_concrete_function()
    REFUSED["dataset"] = scaled_dataset


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_copied_and_holds_variables_is_left_out(kind):
    layer, other = layers.Layer(), layers.Layer()
    layer.held = REFUSED[kind]()
    assert list(copied_whole([layer, other])) == [id(other)]


class Experiment:
    """Holds the network in which its functions are, and data."""

    def __init__(self, make):
        self.factor, self.data = 2.0, np.ones(3)
        layer, inputs = layers.Activation("relu"), keras.Input((2,))
        layer.held = make(self)
        self.model = keras.Model(inputs, layers.Dense(1)(layer(inputs)))
        self.optimizer = keras.optimizers.SGD()

    def scaled(self, x):
        return x * self.factor


LEAD_BACK = {
    "method": lambda self: self.scaled,
    "function": lambda self: lambda x: x * self.factor,
    "partial": lambda self: functools.partial(Experiment.scaled, self),
    "in a list": lambda self: [self.scaled],
    "itself": lambda self: self,
}


@pytest.mark.parametrize("kind", LEAD_BACK)
def test_the_network_around_a_layer_is_not_copied(kind):
    experiment = Experiment(LEAD_BACK[kind])
    layer = experiment.model.layers[1]
    held = copied_whole([layer])[id(layer)].held
    if kind == "function":
        assert held is layer.held
    elif kind == "itself":
        assert held.model is experiment.model
        assert held.data is not experiment.data
    else:
        held = held[0] if kind == "in a list" else held
        assert held(1.0) == 2
