"""Networks in which something reads the kernel of another layer, held in every way there is."""

import functools
import types
import weakref

import keras
from keras import layers, ops

from helpers.checks import with_random_weights

MODULE = types.ModuleType("layers_of_a_user")  # Where globals of the tests lie.


class Transposed(layers.Layer):
    """Multiplies with the transposed matrix that it finds in what it holds."""

    def call(self, inputs):
        return ops.matmul(inputs, ops.transpose(self.find(self.held)))


def holding(held, find=lambda held: held.kernel):
    layer = Transposed(name="dec")
    layer.held, layer.find = held, find
    return layer


class Slotted:
    __slots__ = ("inside",)

    def __init__(self, inside):
        self.inside = inside


class Named(layers.Layer):
    """Reads the kernel of a global."""

    def call(self, inputs):
        return self.project(inputs, 1.0)

    def project(self, inputs, scale):
        return ops.matmul(inputs, ops.transpose([MODULE.encoder][0].kernel)) * scale


def of_module(inputs):
    return Named.project(None, inputs, 2.0)


class OfClass(layers.Layer):
    shared = None

    def call(self, inputs):
        return ops.matmul(inputs, ops.transpose(type(self).shared.kernel))


def of_class(dense):
    OfClass.shared = dense
    return OfClass(name="dec")


def globally(make):
    def with_global(dense):
        MODULE.encoder = dense
        return make(name="dec")

    return with_global


def closing_over(dense):
    return layers.Lambda(lambda x: ops.matmul(x, ops.transpose(dense.kernel)), name="dec")


def by_default(dense):
    def project(x, kernel=dense.kernel):
        return ops.matmul(x, ops.transpose(kernel))

    return layers.Lambda(project, name="dec")


def partially(dense):
    function = functools.partial(lambda kernel, x: ops.matmul(x, ops.transpose(kernel)))
    return layers.Lambda(functools.partial(function, dense.kernel), name="dec")


def bound(dense):
    holder = types.SimpleNamespace(dense=dense)

    def project(self, x):
        return ops.matmul(x, ops.transpose(self.dense.kernel))

    return layers.Lambda(types.MethodType(project, holder), name="dec")


def as_activation(dense):
    return layers.Dense(6, name="dec", activation=lambda x: x + ops.sum(dense.kernel))


def raw(dense):
    value = dense.kernel.value  # The variable of the backend.
    return layers.Lambda(lambda x: ops.matmul(x, ops.transpose(value)), name="dec")


def one_kernel(dense):
    other = layers.Dense(6, use_bias=False, name="dec")
    other.build((None, 6))
    other._tracker.unlock()
    other._kernel = dense.kernel
    return other


READERS = {
    "attribute": holding,
    "kernel": lambda dense: holding(dense.kernel, lambda kernel: kernel),
    "list": lambda dense: holding([dense], lambda held: held[0].kernel),
    "dict": lambda dense: holding({"a": (dense,)}, lambda held: held["a"][0].kernel),
    "slots": lambda dense: holding(Slotted(dense), lambda held: held.inside.kernel),
    "weak": lambda dense: holding(weakref.ref(dense), lambda held: held().kernel),
    "closure": closing_over,
    "default": by_default,
    "partial": partially,
    "bound": bound,
    "global of a method": globally(Named),
    "global of a function": globally(lambda name: layers.Lambda(of_module, name=name)),
    "class": of_class,
    "activation": as_activation,
    "raw": raw,
    "one kernel": one_kernel,
    "wrapper": lambda dense: layers.TimeDistributed(dense, name="dec"),
    "argument": lambda dense: lambda x: ops.matmul(x, dense.kernel),
}


def task_with(reader, shape=(3, 6)):
    """A network in which a Dense layer 'enc' and a second operation read one kernel."""
    inputs = keras.Input(shape)
    dense = layers.Dense(6, "relu", name="enc")
    x = dense(layers.Dense(6, "relu", name="before")(inputs))
    x = READERS[reader](dense)(x)
    outputs = layers.Dense(2, name="head")(layers.Dense(5, "relu", name="free")(x))
    return with_random_weights(keras.Model(inputs, outputs))
