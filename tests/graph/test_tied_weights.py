"""A variable that several operations read: what is theirs is locked, and counts once."""

import sys

import keras
import numpy as np
import pytest
from helpers.checks import draw_inputs, with_random_weights
from helpers.opaque import Opaque
from helpers.ties import READERS, holding, task_with
from helpers.toys import randomize, switched, values
from keras import layers, ops

from keras_switcher import (
    SwitcherModel,
    channel_groups,
    count_macs,
    count_parameters,
)
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.packing import PackedLayout
from keras_switcher.pruning.costs import remaining
from keras_switcher.switchers import FreeFactors
from keras_switcher.training.accounting import KeptShare


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
    assert remaining(ChannelGraph(task))["parameters"] == task.count_params()


def tied_names(task):
    channel_graph = ChannelGraph(task)
    return {
        call.op.name for call in channel_graph.graph.calls if id(call.op) in channel_graph.tied_ops
    }


AN_ARRAY = pytest.mark.only("tensorflow", reason="Elsewhere a raw value is any array.")
READERS_HERE = [pytest.param(r, marks=AN_ARRAY if r == "raw" else ()) for r in READERS]


@pytest.mark.parametrize("reader", READERS_HERE)
def test_what_reads_the_kernel_of_another_is_found_wherever_it_holds_it(reader):
    keras.backend.clear_session()  # Keras numbers the names of operations.
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
    names = [group.name for group in ChannelGraph(task).connections if not group.prunable]
    assert names == ["enc/connections"]
    assert "enc/connections" not in SwitcherModel(task, connections=True).scaling_factors()
    channel_graph = ChannelGraph(task, every_dense_input=True)
    assert "enc/inputs" not in [group.name for group in channel_graph.groups if group.prunable]


def in_time():
    """A model is called within TimeDistributed, and one of its layers by itself."""
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(6, "relu", name="one")], name="inner")
    inner.add(layers.Dense(6, "relu", name="two"))
    inputs = keras.Input((3, 6))
    x = layers.TimeDistributed(inner, name="td")(layers.Dense(6, name="before")(inputs))
    x = layers.Dense(5, "relu", name="free")(inner.get_layer("two")(x))
    return keras.Model(inputs, layers.Dense(2, name="head")(x))


class Holder(Opaque):
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
    task = with_random_weights(make())
    assert tied_names(task) == tied
    model = same_by_all(task)
    assert "free" in model.scaling_factors()
    for group in (*model.gated.groups, *model.gated.connections):
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


def test_the_layer_that_embeds_and_projects_back_has_no_rule():
    inputs = keras.Input((4,), dtype="int32")
    layer = layers.ReversibleEmbedding(8, 6, name="embed")
    x = layers.Dense(6, name="mid")(layers.Dense(5, name="free")(layer(inputs)))
    task = with_random_weights(keras.Model(inputs, layer(x, reverse=True)))
    groups = {group.name: group for group in channel_groups(task)}
    assert groups["mid"].reason == "feeds 'embed:1', and no rule is known for ReversibleEmbedding"
    counted_once(task)
    assert "free" in same_by_all(task).scaling_factors()


def test_shared_kernels_count_once_in_shares_and_costs():
    task = task_with("one kernel")
    channel_graph = ChannelGraph(task)
    assert len(channel_graph.kernels) == len(
        {id(kernel.weight) for kernel in channel_graph.kernels}
    )
    # before, enc and dec, free, head.
    weights = 36 + 36 + 30 + 10
    assert remaining(channel_graph)["weights"] == weights
    layout = PackedLayout([group for group in channel_graph.groups if group.name == "free"])
    live = layout.join({"free": np.float32([1, 0, 0, 0, 0])})
    share = KeptShare(channel_graph, layout)(live)
    assert float(share) == pytest.approx((weights - 24 - 8) / weights)
    # It is used at three positions by each of the two.
    assert count_macs(task)["enc"] == 2 * 3 * 36
