"""Blocks written in the ways of other libraries and of Keras's examples are opened."""

import keras
import numpy as np
import pytest
from helpers.checks import masks_for, with_random_weights
from helpers.composites import Composite
from helpers.exactness import check_exact_graph
from keras import layers, ops

import keras_switcher as ks

LENGTH, WIDTH = 4, 6


def network(*blocks):
    """Blocks behind a layer whose outputs can be removed if they are all opened."""
    inputs = keras.Input((LENGTH, 3))
    x = layers.Dense(WIDTH, "tanh", name="stem")(inputs)
    for block in blocks:
        x = block(x)
    outputs = layers.Dense(2, name="head")(layers.Flatten()(x))
    return with_random_weights(keras.Model(inputs, outputs))


def check_opened(model, *names, step=True):
    prunable = {group.name for group in ks.channel_groups(model) if group.prunable}
    assert prunable >= {"stem", *names}
    for seed in range(2):
        check_exact_graph(model, *masks_for(model, 0.5, seed), step=step)


def sliced(table, samples):
    table = ops.slice(ops.convert_to_tensor(table), (0, 0), (LENGTH, WIDTH))
    return ops.broadcast_to(table, (samples, LENGTH, WIDTH))


WAYS = {
    "slice": sliced,
    "new axis": lambda table, samples: ops.broadcast_to(table, (samples, LENGTH, WIDTH)),
    "two axes": lambda table, samples: ops.broadcast_to(table[:1], (samples, LENGTH, WIDTH)),
    "tile": lambda table, samples: ops.tile(table[None, :2], (samples, 2, 1)),
    "repeat": lambda table, samples: ops.repeat(table[None], samples, axis=0),
}


@keras.saving.register_keras_serializable("others")
class Positions(Composite):
    """Adds a table of positions, which it writes anew for each sample."""

    def __init__(self, way, **kwargs):
        super().__init__(**kwargs)
        self.way = way

    def build(self, shape):
        self.table = self.add_weight(shape=(LENGTH, WIDTH), name="table")

    def call(self, x):
        return x + WAYS[self.way](self.table, ops.shape(x)[0])

    def get_config(self):
        return {**super().get_config(), "way": self.way}


@pytest.mark.parametrize("way", WAYS)
def test_a_table_may_be_written_for_each_sample(way):
    check_opened(network(Positions(way, name="positions")))


@keras.saving.register_keras_serializable("others")
class Biased(Composite):
    """Adds an entry of a table to each position, by numbers that are a variable."""

    def build(self, shape):
        self.table = self.add_weight(shape=(3, shape[-1]), name="table")
        places = np.arange(LENGTH) % 3
        self.places = keras.Variable(places, dtype="int32", trainable=False, name="places")

    def call(self, x, shift=None):
        x = x + ops.take(self.table, ops.reshape(self.places, (-1,)), axis=0)
        return x if shift is None else x + ops.cast(shift, x.dtype)


@keras.saving.register_keras_serializable("others")
class Around(Composite):
    """Calls a layer with a constant of its own."""

    def build(self, shape):
        self.inner = Biased(name="inner")
        self.inner.build(shape)
        shift = np.arange(LENGTH)[:, None] / 2
        self.shift = keras.Variable(shift, dtype="float32", trainable=False, name="shift")

    def call(self, x):
        return self.inner(x, shift=self.shift)


def test_a_layer_in_a_layer_may_hold_whole_numbers_in_variables():
    check_opened(network(Around(name="around")), step=False)


@keras.saving.register_keras_serializable("others")
class EachPosition(Composite):
    """Adds to each position, which lies among the samples, what a weight is for all of them."""

    def build(self, shape):
        self.query = self.add_weight(shape=(1, 1, shape[-1]), name="query")

    def call(self, x):
        samples, length, width = ops.shape(x)
        x = ops.reshape(x, (samples * length, 1, width))
        query = ops.broadcast_to(self.query, (samples * length, 1, width))
        x = ops.concatenate([query, x], axis=1)
        return ops.reshape(ops.sum(x, axis=1), (samples, length, width))


def test_positions_may_lie_among_the_samples_for_which_something_is_written():
    check_opened(network(EachPosition(name="each")))


@keras.saving.register_keras_serializable("others")
class Attends(Composite):
    """Attention over positions by equations with capital letters and spaces."""

    def build(self, shape):
        self.query, self.value = layers.Dense(shape[-1]), layers.Dense(self.width)
        self.query.build(shape)
        self.value.build(shape)

    def call(self, x):
        scores = ops.softmax(ops.einsum("bnc, bNc -> bnN", self.query(x), x))
        return ops.einsum("bnN, bNc -> bnc", scores, self.value(x)[:])


@keras.saving.register_keras_serializable("others")
class Patches(Composite):
    """Returns the sizes of a tensor beside it, and None."""

    def build(self, shape):
        self.proj = layers.Conv1D(self.width, 2, strides=2)
        self.proj.build(shape)

    def call(self, x):
        x = self.proj(x)
        return x, ops.shape(x)[0], x.shape[1], None


@keras.saving.register_keras_serializable("others")
class Reads(Composite):
    """Gives the sizes that a layer in it returns to another one."""

    def build(self, shape):
        self.patches, self.merge = Patches(self.width, name="patches"), Merge(name="merge")
        self.patches.build(shape)

    def call(self, x):
        x, samples, length, none = self.patches(x)
        assert none is None
        x = ops.slice(x, (0, 0, 1), (samples, length, 4))
        return self.merge(x, length=length)


@keras.saving.register_keras_serializable("others")
class Merge(Composite):
    """Lays positions side by side, of which it is told how many there are."""

    def call(self, x, length):
        return ops.reshape(x, (-1, length * x.shape[-1]))


def test_layers_in_a_layer_may_return_sizes():
    check_opened(network(Reads(6, name="reads")))


def test_equations_may_have_capital_letters_and_spaces():
    model = network(Attends(5, name="block"), layers.Dense(WIDTH, name="next"))
    prunable = {group.name for group in ks.channel_groups(model) if group.prunable}
    assert prunable >= {"block/value", "next"}
    check_exact_graph(model, *masks_for(model))


@keras.saving.register_keras_serializable("others")
class DoesNotTrain(Composite):
    """A block whose `training` is False where nothing is said."""

    def build(self, shape):
        self.dense, self.norm = layers.Dense(self.width, "relu"), layers.BatchNormalization()
        self.drop = layers.Dropout(0.5, seed=1)
        self.dense.build(shape)
        self.norm.build((*shape[:-1], self.width))

    def call(self, x, training=False):
        return self.drop(self.norm(self.dense(x), training=training), training=training)


def test_training_may_be_false_by_default():
    check_opened(network(DoesNotTrain(5, name="block")), "block/dense")


@keras.saving.register_keras_serializable("others")
class Padded(Composite):
    """Pads by a number that it computed with `keras.ops`."""

    def build(self, shape):
        self.more = ops.mod(ops.convert_to_tensor(-LENGTH), 3)
        self.spec = layers.InputSpec(ndim=3)  # Has a shape, which is None.
        self.dense = layers.Dense(self.width)
        self.dense.build(shape)

    def call(self, x):
        return self.dense(ops.pad(x, [[0, 0], [0, int(self.more)], [0, 0]]))


def test_a_single_number_may_be_a_size():
    check_opened(network(Padded(5, name="padded")), "padded/dense")


@keras.saving.register_keras_serializable("others")
class MakesLayers(Composite):
    """Makes a layer without weights in each call()."""

    def call(self, x):
        return Merge()(ops.tanh(x), length=LENGTH)


def test_a_layer_that_each_call_makes_stays_closed():
    model = network(MakesLayers(name="makes"))
    (group,) = (group for group in ks.channel_groups(model) if group.name == "stem")
    assert "no rule is known for Merge; it is not opened: it is not an attribute" in group.reason
    check_exact_graph(model, *masks_for(model))


@keras.saving.register_keras_serializable("others")
class Heads(Composite):
    """Attention by hand, whose heads are split off by a shape that it reads, positions and all."""

    def build(self, shape):
        self.query, self.key, self.value = (layers.Dense(6) for _ in range(3))
        self.out = layers.Dense(self.width)
        for part in (self.query, self.key, self.value):
            part.build(shape)
        self.out.build((*shape[:-1], 6))

    def split(self, x):
        samples, positions, width = ops.shape(x)
        return ops.transpose(ops.reshape(x, (samples, positions, 2, width // 2)), (0, 2, 1, 3))

    def call(self, x):
        query, key, value = (self.split(part(x)) for part in (self.query, self.key, self.value))
        scores = ops.softmax(query @ ops.transpose(key, (0, 1, 3, 2)))
        x = ops.transpose(scores @ value, (0, 2, 1, 3))
        samples, positions = ops.shape(x)[:2]
        return self.out(ops.reshape(x, (samples, positions, 6)))


def test_the_number_of_positions_may_be_open():
    inputs = keras.Input((None, 3))
    x = layers.Dense(WIDTH, "tanh", name="stem")(inputs)
    x = layers.GlobalAveragePooling1D()(Heads(5, name="heads")(x))
    model = with_random_weights(keras.Model(inputs, layers.Dense(2, name="head")(x)))
    check_opened(model, "heads/query", "heads/out")
    small = ks.prune_channels(model, masks_for(model)[0])
    for samples, positions in ((2, 4), (1, 7)):
        assert small(np.zeros((samples, positions, 3))).shape == (samples, 2)
    assert all(type(layer).__module__.startswith("keras.") for layer in small.layers)


def test_two_open_sizes_beside_the_samples_stay_closed():
    @keras.saving.register_keras_serializable("others")
    class Grid(Composite):
        def build(self, shape):
            self.dense = layers.Dense(4)
            self.dense.build(shape)

        def call(self, x):
            samples, rows, columns, _ = ops.shape(x)
            return ops.reshape(self.dense(x), (samples, rows, columns, 2, 2))

    inputs = keras.Input((None, None, 3))
    x = layers.Dense(WIDTH, name="stem")(inputs)
    model = keras.Model(inputs, layers.Dense(2, name="head")(Grid(4, name="grid")(x)))
    (group,) = (group for group in ks.channel_groups(model) if group.name == "stem")
    assert "writes sizes that its inputs leave open; fix these" in group.reason
