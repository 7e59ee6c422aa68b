"""A variable that several operations read: what is theirs is locked, and counts once."""

import functools
import sys
import types
import weakref

import keras
import numpy as np
import pytest
from checks import draw_inputs, randomise
from keras import layers, ops
from toys import randomize, switched, values

from keras_switcher import (
    SwitcherModel,
    channel_groups,
    count_macs,
    count_parameters,
    prune_channels,
)
from keras_switcher.graph.anatomy import Anatomy
from keras_switcher.graph.counting import remaining
from keras_switcher.graph.kept_share import KeptShare
from keras_switcher.graph.ownership import check_apart
from keras_switcher.switchers import FreeFactors

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
    return randomise(keras.Model(inputs, outputs))


def same_by_all(task):
    """The outputs, which model(x) and predict() agree upon, with factors that change something."""
    model = switched(task, FreeFactors(seed=1), compiled={"run_eagerly": True})
    randomize(model.switcher.trainable_variables, spread=1)
    x = draw_inputs(task, 4)
    (expected,) = values([model(x)])
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5)
    assert np.abs(expected - values([task(x)])[0]).max() > 1e-3
    return model


def counted_once(task):
    unique = {id(w): int(np.prod(w.shape)) for w in task.weights}
    assert count_parameters(task).total == sum(unique.values()) == task.count_params()
    assert remaining(Anatomy(task))["parameters"] == task.count_params()


def tied_names(task):
    anatomy = Anatomy(task)
    return {call.op.name for call in anatomy.graph.calls if id(call.op) in anatomy.tied_ops}


@pytest.mark.parametrize("reader", READERS)
def test_what_reads_the_kernel_of_another_is_found_wherever_it_holds_it(reader):
    task = task_with(reader, (6,) if reader != "wrapper" else (3, 6))
    assert tied_names(task) == {"enc", "matmul" if reader == "argument" else "dec"}
    groups = {group.name: group for group in channel_groups(task)}
    reason = str(groups["before"].reason)
    assert "enc" in reason
    assert "dec" in reason or reader == "argument"
    assert groups["free"].prunable
    assert all(not g.prunable for g in groups.values() if {"enc", "dec"} & {*g.layer_names})


@pytest.mark.parametrize(
    "reader", ["attribute", "global of a method", "one kernel", "wrapper", "argument"]
)
def test_all_ways_to_ask_agree_and_kernels_count_once(reader):
    task = task_with(reader)
    counted_once(task)
    free = set(same_by_all(task).scaling_factors())
    assert "free" in free
    assert not free & {"before", "enc", "dec", "enc/inputs", "dec/inputs"}


def test_reasons_name_both():
    reasons = {group.name: group.reason for group in channel_groups(task_with("attribute"))}
    assert reasons["before"] == (
        "feeds 'enc', whose kernel is also read by 'dec', for which no rule ties it"
    )
    (group,) = [g for g in channel_groups(task_with("one kernel")) if g.name == "before"]
    assert group.reason == "its kernel in 'enc' is also read by 'dec'; what is shared stays whole"


def test_connections_and_inputs_of_tied_layers_have_no_factors():
    task = task_with("closure")
    names = [group.name for group in Anatomy(task).connections if not group.prunable]
    assert names == ["enc/connections"]
    assert "enc/connections" not in SwitcherModel(task, connections=True).scaling_factors()
    anatomy = Anatomy(task, every_dense_input=True)
    assert "enc/inputs" not in [group.name for group in anatomy.groups if group.prunable]


def in_time():
    """A model is called within TimeDistributed, and one of its layers by itself."""
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(6, "relu", name="one")], name="inner")
    inner.add(layers.Dense(6, "relu", name="two"))
    inputs = keras.Input((3, 6))
    x = layers.TimeDistributed(inner, name="td")(layers.Dense(6, name="before")(inputs))
    x = layers.Dense(5, "relu", name="free")(inner.get_layer("two")(x))
    return keras.Model(inputs, layers.Dense(2, name="head")(x))


class Holder(layers.Layer):
    """Owns a layer that is called by itself, too."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.within = layers.Dense(6, name="within")

    def build(self, shape):
        self.within.build(shape)

    def call(self, inputs):
        return ops.tanh(self.within(inputs))


def within():
    holder, inputs = Holder(name="holder"), keras.Input((6,))
    x = holder.within(holder(layers.Dense(6, name="before")(inputs)))
    x = layers.Dense(5, "relu", name="free")(x)
    return keras.Model(inputs, layers.Dense(2, name="head")(x))


def embedded():
    """The outputs are products with the rows of an embedding."""
    embedding, inputs = layers.Embedding(8, 6, name="embed"), keras.Input((4,), dtype="int32")
    x = layers.Dense(6, name="free")(embedding(inputs))
    x = layers.Dense(6, name="mid")(x)
    return keras.Model(inputs, holding(embedding, lambda held: held.embeddings)(x))


def normalised():
    """A normalisation is called by itself and within a nested model of layers of a user."""
    norm, inputs = layers.BatchNormalization(name="norm"), keras.Input((6,))
    x = norm(layers.Dense(6, name="before")(inputs))
    x = layers.Lambda(lambda x: x * norm.gamma, name="scaled")(x)
    x = layers.Dense(5, "relu", name="free")(x)
    return keras.Model(inputs, layers.Dense(2, name="head")(x))


def one_bias():
    inputs, first, second = keras.Input((6,)), *(layers.Dense(6, name=n) for n in ("a", "b"))
    x = layers.Dense(5, "relu", name="free")(second(ops.tanh(first(inputs))))
    second._tracker.unlock()
    second.bias = first.bias
    return keras.Model(inputs, layers.Dense(2, name="head")(x))


@pytest.mark.parametrize(
    ("make", "tied"),
    [
        (in_time, {"td", "two"}),
        (within, {"holder", "within"}),
        (embedded, {"embed", "dec"}),
        (normalised, {"norm", "scaled"}),
        (one_bias, {"a", "b"}),
    ],
)
def test_ties_of_other_kinds(make, tied):
    task = randomise(make())
    assert tied_names(task) == tied
    model = same_by_all(task)
    assert "free" in model.scaling_factors()
    for group in (*model.wiring.groups, *model.wiring.connections):
        assert not tied & {*group.layer_names, *(e.call.op.name for e in group.consumers)}
    counted_once(task)


def test_a_layer_that_is_called_twice_is_one_operation():
    inputs, shared = keras.Input((6,)), layers.Dense(6, name="shared")
    first = layers.Dense(6, name="first")(inputs)
    task = keras.Model(inputs, layers.Dense(2)(shared(shared(first))))
    assert tied_names(task) == set()
    assert [group.name for group in channel_groups(task) if group.prunable] == [
        "first",
        "first/inputs",
    ]


def test_what_is_not_read_ties_nothing():
    """Initializers draw from one stream, functions have names of globals that are attributes."""
    start = keras.initializers.HeNormal(keras.random.SeedGenerator(1))
    module = sys.modules[__name__]
    module.within_reach = keep = layers.Dense(6, kernel_initializer=start, name="a")

    class Mine(layers.Layer):
        within_reach = 1.0

        def call(self, inputs):
            return inputs * self.within_reach

    inputs = keras.Input((6,))
    x = layers.Dense(6, kernel_initializer=start, name="b")(Mine()(keep(inputs)))
    assert tied_names(keras.Model(inputs, x)) == set()
    del module.within_reach


@pytest.mark.parametrize(
    "reader", ["global of a method", "global of a function", "class", "argument"]
)
def test_a_copy_that_would_read_the_old_variable_is_refused(reader):
    task = task_with(reader, (6,))
    ties = Anatomy(task).ties
    with pytest.raises(ValueError, match="reads the kernel that 'enc' and '"):
        check_apart(ties, prune_channels(task, {"free": np.arange(5) > 1}))
    check_apart(ties, task_with(reader, (6,)))


def test_the_layer_that_embeds_and_projects_back_has_no_rule():
    inputs = keras.Input((4,), dtype="int32")
    layer = layers.ReversibleEmbedding(8, 6, name="embed")
    x = layers.Dense(6, name="mid")(layers.Dense(5, name="free")(layer(inputs)))
    task = randomise(keras.Model(inputs, layer(x, reverse=True)))
    groups = {group.name: group for group in channel_groups(task)}
    assert groups["mid"].reason == "feeds 'embed:1', and no rule is known for ReversibleEmbedding"
    counted_once(task)
    assert "free" in same_by_all(task).scaling_factors()


def test_shared_kernels_count_once_in_shares_and_costs():
    task = task_with("one kernel")
    anatomy = Anatomy(task)
    assert len(anatomy.kernels) == len({id(kernel.weight) for kernel in anatomy.kernels})
    # before, enc and dec, free, head.
    weights = 36 + 36 + 30 + 10
    assert remaining(anatomy)["weights"] == weights
    share = KeptShare(anatomy, ["free"])({"free": np.float32([1, 0, 0, 0, 0])})
    assert float(share) == pytest.approx((weights - 24 - 8) / weights)
    # It is used at three positions by each of the two.
    assert count_macs(task)["enc"] == 2 * 3 * 36
