"""Layers of users that their configurations do not describe, each with a rule and without one."""

import threading

import keras
import numpy as np
from keras import layers, ops

from helpers.opaque import Opaque
from keras_switcher.graph.rules import rule


class Own(Opaque):
    """Scales each channel by a weight; it describes itself."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, shape):
        self.gain = self.add_weight(shape=(shape[-1],), initializer="ones", name="gain")

    def call(self, inputs):
        return inputs * self.gain * self.factor

    def compute_output_shape(self, shape):
        return shape

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


class Forgets(Own):
    """An argument with a default is not in its configuration."""

    def get_config(self):
        return layers.Layer.get_config(self)


class NoReturn(Own):
    """Its configuration is None."""

    def get_config(self):
        super().get_config()


class Raises(Own):
    """It has no configuration."""

    def get_config(self):
        raise NotImplementedError


class SetLater(Own):
    """What is set after construction is in no configuration."""

    def get_config(self):
        return {**super().get_config(), "factor": 1.0}


class HoldsVariable(Forgets):
    """Holds a variable of TensorFlow, in a list."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        import tensorflow as tf

        self.held = [tf.Variable(1.0, trainable=False, dtype=keras.config.floatx())]

    def call(self, inputs):
        return inputs * self.gain * self.held[0]


class HoldsArray(Forgets):
    """Holds an array that has been changed."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.array = np.ones(1)

    def call(self, inputs):
        return inputs * self.gain * ops.cast(self.array, inputs.dtype)


class HoldsRamp(Own):
    """Holds an array as long as the channels, which differs when there are fewer."""

    def build(self, shape):
        super().build(shape)
        self.ramp = np.linspace(0.5, 1.5, shape[-1])

    def call(self, inputs):
        return super().call(inputs) * ops.cast(self.ramp, inputs.dtype)


class HoldsLock(Forgets):
    """Python cannot copy what it holds, a lock and a generator: its copy shares them."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.lock = threading.Lock()
        self.numbers = (number for number in ())

    def call(self, inputs):
        with self.lock:
            return super().call(inputs)


class HoldsFunction(Forgets):
    """Holds a function of itself and one of a global."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.function = lambda x: ops.tanh(x) * self.factor

    def call(self, inputs):
        return self.function(inputs * self.gain)


class ExtraDropout(Own):
    """Built again, it drops at random in training."""

    def __init__(self, drops=True, **kwargs):
        super().__init__(**kwargs)
        self.dropout = layers.Dropout(0.5) if drops else None

    def call(self, inputs, training=None):
        x = inputs * self.gain
        return self.dropout(x, training=training) if self.dropout else x

    def get_config(self):
        return layers.Layer.get_config(self)


class ExtraNorm(Own):
    """Built again, it has a layer more, with weights."""

    def __init__(self, norms=True, **kwargs):
        super().__init__(**kwargs)
        self.norm = layers.BatchNormalization() if norms else None

    def build(self, shape):
        super().build(shape)
        if self.norm:
            self.norm.build(shape)

    def call(self, inputs):
        x = inputs * self.gain
        return self.norm(x) if self.norm else x

    def get_config(self):
        return layers.Layer.get_config(self)


class OtherWeights(Own):
    """Built again, a weight of it has another shape."""

    def __init__(self, wide=False, **kwargs):
        super().__init__(**kwargs)
        self.wide = wide

    def build(self, shape):
        super().build(shape)
        self.more = self.add_weight(shape=(2 if self.wide else 1,), name="more")

    def call(self, inputs):
        return inputs * self.gain * ops.sum(self.more)

    def get_config(self):
        return layers.Layer.get_config(self)


class Mixing(Own):
    """A layer within mixes the channels; no rule speaks of it."""

    def build(self, shape):
        super().build(shape)
        self.within = layers.Dense(shape[-1], activation="tanh")
        self.within.build(shape)

    def call(self, inputs):
        return self.within(inputs) * self.gain * self.factor


def _set(layer):
    layer.factor = 3.0
    return layer


def _assigned(layer):
    layer.held[0].assign(3.0)
    return layer


def _filled(layer):
    layer.array[:] = 3.0
    return layer


# What makes a layer of a class: the gap only shows where something differs from the defaults.
_MAKERS = {
    Own: lambda kind, **kw: kind(3.0, **kw),
    Forgets: lambda kind, **kw: kind(3.0, **kw),
    NoReturn: lambda kind, **kw: kind(3.0, **kw),
    Raises: lambda kind, **kw: kind(3.0, **kw),
    SetLater: lambda kind, **kw: _set(kind(**kw)),
    HoldsVariable: lambda kind, **kw: _assigned(kind(**kw)),
    HoldsArray: lambda kind, **kw: _filled(kind(**kw)),
    HoldsRamp: lambda kind, **kw: kind(3.0, **kw),
    HoldsLock: lambda kind, **kw: kind(3.0, **kw),
    HoldsFunction: lambda kind, **kw: kind(3.0, **kw),
    ExtraDropout: lambda kind, **kw: kind(False, **kw),
    ExtraNorm: lambda kind, **kw: kind(False, **kw),
    OtherWeights: lambda kind, **kw: kind(True, **kw),
    Mixing: lambda kind, **kw: kind(3.0, **kw),
}
if keras.backend.backend() != "tensorflow":
    del _MAKERS[HoldsVariable]
_RULED = {kind: type(f"Ruled{kind.__name__}", (kind,), {}) for kind in _MAKERS if kind != Mixing}
GAPS = {kind.__name__: (kind, make) for kind, make in _MAKERS.items()}
GAPS |= {ruled.__name__: (ruled, _MAKERS[kind]) for kind, ruled in _RULED.items()}


@rule(*_RULED.values())
def scaling(call, reader):
    """The rule of all that scale each channel by its `gain`."""
    reader.carry(call.op.gain, 0, reader.channels(call.input, -1))
    reader.pass_on(call)


def odd_layer(kind: str, name: str) -> layers.Layer:
    """A layer of one of the `GAPS`."""
    made, make = GAPS[kind]
    return make(made, name=name)
