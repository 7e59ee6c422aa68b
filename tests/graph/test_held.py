"""What a layer that is opened holds: weights of others stay weights, attributes what they were."""

import contextlib
from collections import namedtuple

import keras
import numpy as np
import pytest
from helpers.checks import check_close, with_random_weights
from helpers.composites import Composite
from keras import layers, ops

from keras_switcher import channel_groups, prune_channels
from keras_switcher.graph.tracing import trace

Pair = namedtuple("Pair", "scale shift")
X = np.random.default_rng(0).normal(size=(5, 8)).astype("float32")


class Two(Composite):
    """Two Dense layers of the same width."""

    def build(self, shape):
        self.first, self.second = layers.Dense(self.width), layers.Dense(self.width)
        self.first.build(shape)
        self.second.build((*shape[:-1], self.width))

    def call(self, x):
        return self.second(ops.relu(self.first(x)))


class ByKernel(Two):
    """Reads the weights of a layer in it, which it never calls."""

    def call(self, x):
        return self.second(ops.relu(ops.matmul(x, self.first.kernel) + self.first.bias))


class Tied(Two):
    """Multiplies with the kernel of a layer in it, once more."""

    def call(self, x):
        return ops.matmul(super().call(x), self.first.kernel)


class InAPair(Two):
    """Holds its own weights in a named tuple."""

    def build(self, shape):
        super().build(shape)
        weights = [self.add_weight(shape=(self.width,), name=name) for name in Pair._fields]
        self.pair = Pair(*weights)

    def call(self, x):
        return super().call(x * self.pair.scale + self.pair.shift)


class InAFunction(Two):
    """Holds its own weight in what a function encloses."""

    def build(self, shape):
        super().build(shape)
        weight = self.add_weight(shape=(self.width,), name="scale")
        self.scaled = lambda x: x * weight

    def call(self, x):
        return super().call(self.scaled(x))


def network(*blocks):
    inputs = keras.Input((8,))
    x = inputs
    for block in blocks:
        x = block(x)
    return with_random_weights(keras.Model(inputs, layers.Dense(2, name="head")(x)))


def trained(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.mark.parametrize("block", [ByKernel, Tied, InAPair, InAFunction])
def test_weights_that_are_read_where_they_are_not_its_own_stay_weights(block):
    layer = block(name="block")
    model = network(layer)
    reasons = {found.reason for found in trace(model).closed.values()}
    if block is not InAPair:  # Its weights are found, but where TensorFlow wraps the pair.
        assert all("which is not its own alone" in reason for reason in reasons)
        assert reasons
    small = prune_channels(model, {})
    assert trained(small) == trained(model)
    expected = ops.convert_to_numpy(small(X))
    check_close(expected, model(X), block.__name__)
    for weight in model.weights:
        weight.assign(weight + 1)
    np.testing.assert_array_equal(small(X), expected, err_msg="it shares a weight with the model")


def test_a_weight_that_two_layers_hold_stays_one_of_both():
    class Scaled(Two):
        def __init__(self, other=None, **kwargs):
            super().__init__(**kwargs)
            self.other = other

        def build(self, shape):
            super().build(shape)
            self.scale = self.other.scale if self.other else self.add_weight(shape=(8,))

        def call(self, x):
            return super().call(x * self.scale)

    one = Scaled(name="one")
    model = network(one, Scaled(one, name="two"))
    reasons = [found.reason for found in trace(model).closed.values()]
    assert len(reasons) == 2
    assert all("which is not its own alone" in reason for reason in reasons)
    assert trained(prune_channels(model, {})) == trained(model)


class Keeps(Two):
    """Keeps what it computes, in attributes, a list and a dict, and how often it was called."""

    times = 0

    def build(self, shape):
        super().build(shape)
        self.all, self.by_size = [], {}

    def call(self, x):
        self.times += 1
        self.last = ops.relu(self.first(x))
        self.all.append(self.last)
        self.by_size[str(x.shape[0])] = self.last
        return self.second(self.last)


def test_what_a_layer_keeps_is_what_it_kept_before():
    blocks = [Keeps(name="one"), Keeps(name="two")]
    model = network(*blocks)
    model(X)
    before = [(b.times, b.last, list(b.all), dict(b.by_size)) for b in blocks]
    assert trace(model).closed == {}, "both are opened, of which one is compared"
    for block, (times, last, everything, by_size) in zip(blocks, before, strict=True):
        assert block.times == times
        assert block.last is last
        assert all(a is b for a, b in zip(block.all, everything, strict=True))
        assert block.by_size.keys() == by_size.keys()


def test_what_a_model_keeps_in_a_dict_is_what_it_kept_before():
    @keras.saving.register_keras_serializable("tests")
    class Noting(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense, self.seen = layers.Dense(2), {"start": None}

        def call(self, x):
            self.seen[str(x.shape[0])] = x
            return self.dense(x)

    model = Noting()
    model(X)
    before = dict(model.seen)
    channel_groups(model)
    assert dict(model.seen).keys() == before.keys()
    assert all(model.seen[name] is value for name, value in before.items())


def test_a_cache_that_is_filled_lazily_holds_no_symbolic_tensor_though_reading_is_refused():
    @keras.saving.register_keras_serializable("tests")
    class Lazy(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense, self.cache = layers.Dense(8), None

        def build(self, shape):
            self.dense.build(shape)
            self.scale = self.add_weight(shape=(8,), name="scale")
            self.built = True

        def call(self, x):
            if self.cache is None:
                self.cache = ops.exp(self.scale)
            return self.dense(x) * self.cache

    model = Lazy()
    model.build((None, 8))
    with contextlib.suppress(ValueError):
        channel_groups(model)
    assert ops.convert_to_numpy(model(X)).shape == (5, 8)
