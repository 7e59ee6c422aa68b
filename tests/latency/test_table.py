"""A table of latency is a cost like weights and MACs: counted, and told of what is left."""

import keras
import numpy as np
import pytest
from helpers.timed import network, table_of
from keras import layers

import keras_switcher as ks
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.latency.kinds import kind_of
from keras_switcher.latency.table import LatencyTable
from keras_switcher.pruning.costs import remaining
from keras_switcher.pruning.planning import plan_removal


def test_layers_that_take_the_same_time_are_one_kind():
    model = network()
    channel_graph = ChannelGraph(model)
    keys = {call.name: kind_of(call, channel_graph) for call in channel_graph.graph.calls}
    assert keys["second"].key == keys["third"].key
    assert keys["first"].key != keys["second"].key
    other = ChannelGraph(network())
    assert {kind_of(call, other).key for call in other.graph.calls} == {
        kind.key for kind in keys.values()
    }
    assert keys["first"].inputs is None or not keys["first"].inputs.groups[0].prunable


@pytest.mark.parametrize(
    "layer",
    [layers.BatchNormalization(), layers.ReLU(), layers.Activation("relu"), layers.Dropout(0.1)],
)
def test_what_runtimes_fold_away_takes_no_time(layer):
    inputs = keras.Input((4, 4, 2))
    model = keras.Model(inputs, layer(layers.Conv2D(3, 1, name="conv")(inputs)))
    channel_graph = ChannelGraph(model)
    timed = [c.name for c in channel_graph.graph.calls if kind_of(c, channel_graph)]
    assert timed == ["conv"]


def test_the_time_of_a_plan_is_the_sum_over_its_layers_by_hand():
    model = network()
    channel_graph = ChannelGraph(model)
    table = table_of(model, overhead=1e-5)
    stream, second = (channel_graph.group(name) for name in ("first", "second"))
    kept = {stream.name: np.arange(6) < 4, second.name: np.arange(6) < 2}
    plan = plan_removal(channel_graph, {n: k.astype("float32") for n, k in kept.items()})

    def one(read, made):
        return 1e-6 + 2e-7 * read + 3e-7 * made + 4e-8 * read * made

    pool_and_sum = 2 * one(4, 4)
    # What the first layer reads and the last one makes stays: it counts as one.
    expected = one(1, 4) + one(4, 2) + one(2, 4) + pool_and_sum + one(4, 1) + 1e-5
    left = remaining(channel_graph, plan, table)["latency"]
    assert left * 1e-12 == pytest.approx(expected, rel=1e-6)
    whole = one(1, 6) + 2 * one(6, 6) + 2 * one(6, 6) + one(6, 1) + 1e-5
    assert table.milliseconds(model) == pytest.approx(1000 * whole, rel=1e-6)


def test_the_time_of_a_pruned_network_is_that_of_the_plan():
    model = network()
    table = table_of(model, overhead=1e-5)
    budget = ks.Budget(0.7, of="latency", table=table)
    small = ks.prune(model, budget, "random")
    told = table.milliseconds(small, pruned_from=model)
    plan = plan_removal(
        ChannelGraph(model),
        {
            group.name: (np.arange(group.size) < size).astype("float32")
            for group, size in (
                (ChannelGraph(model).group(name), small.get_layer(name).filters)
                for name in ("first", "second")
            )
        },
    )
    left = remaining(ChannelGraph(model), plan, table)["latency"]
    assert told == pytest.approx(left * 1e-9)
    assert told <= 0.7 * table.milliseconds(model)
    assert table.milliseconds(model, pruned_from=model) == table.milliseconds(model)
    with pytest.raises(ValueError, match="pruned_from=task"):
        table.milliseconds(small)
    other = keras.Sequential([keras.Input((8, 8, 2)), layers.Conv2D(9, 3, name="first")])
    with pytest.raises(ValueError, match=r"was not pruned from .* in 'first', 'second'"):
        table.milliseconds(other, pruned_from=model)


def with_branches():
    """Two branches that are added to a stream, one of them of two layers."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 2))
    stream = layers.Conv2D(6, 3, padding="same", name="stream")(inputs)
    x = layers.Conv2D(5, 3, padding="same", activation="relu", name="deep")(stream)
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="deeper")(x)
    deep = layers.Conv2D(6, 3, padding="same", name="last")(x)
    flat = layers.Conv2D(7, 1, activation="relu", name="flat")(stream)
    flat = layers.Conv2D(6, 1, name="back")(flat)
    x = layers.GlobalAveragePooling2D()(layers.Add(name="sum")([stream, deep, flat]))
    return keras.Model(inputs, layers.Dense(3, name="head")(x))


@pytest.mark.parametrize("lost", [["deep"], ["deeper"], ["flat"], ["deep", "flat"]])
def test_the_time_of_a_network_that_lost_branches_is_that_of_its_structure(lost):
    model = with_branches()
    table = table_of(model, overhead=1e-5)
    switcher_model = ks.SwitcherModel(
        model, ks.switchers.FreeFactors("half_zeros", seed=0), ["deep", "deeper", "flat"]
    )
    start, values = 0, np.ones(5 + 4 + 7, "float32")
    for group in switcher_model.gated.groups:
        values[start : start + 2] = 0
        values[start : start + (group.size if group.name in lost else 2)] = 0
        start += group.size
    switcher_model.switcher.parameters.assign(values)
    small = switcher_model.compact()
    names = {layer.name for layer in small.layers}
    assert names.isdisjoint(lost)
    plan = plan_removal(switcher_model.gated.channel_graph, switcher_model.scaling_factors())
    left = remaining(switcher_model.gated.channel_graph, plan, table)["latency"]
    told = table.milliseconds(small, pruned_from=model)
    assert told == pytest.approx(left * 1e-9)
    assert told < table.milliseconds(model)


def test_a_network_of_other_layers_was_not_pruned_from_it():
    model = with_branches()
    inputs = keras.Input((8, 8, 2))
    x = layers.Conv2D(6, 3, padding="same", name="stream")(inputs)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(6, 3, name="another")(x))
    other = keras.Model(inputs, layers.Dense(3, name="head")(x))
    with pytest.raises(ValueError, match=r"was not pruned from .* in 'deep', 'flat', 'deeper'"):
        table_of(model).milliseconds(other, pruned_from=model)


def test_a_network_of_the_same_build_with_other_layers_was_not_pruned_from_it():
    """Nothing but names tells layers apart: as many of them in the same places are no proof."""
    model = with_branches()
    other = keras.models.clone_model(
        model,
        clone_function=lambda x: type(x).from_config({**x.get_config(), "name": f"my_{x.name}"}),
    )
    with pytest.raises(ValueError, match="was not pruned from"):
        table_of(model).milliseconds(other, pruned_from=model)


@pytest.mark.parametrize(
    "arguments",
    [
        {"kinds": {"a": [1, 2, 3]}},
        {"kinds": {"a": [1, 2, 3, float("nan")]}},
        {"kinds": {"a": [1, 2, 3, -1]}},
        {"kinds": {"a": [0, 0, 0, 0]}},
        {"kinds": {"a": [1, 2, 3, 4]}, "overhead": -1},
        {"kinds": {"a": [1, 2, 3, 4]}, "overhead": float("inf")},
    ],
)
def test_tables_of_what_is_no_time_are_refused(arguments):
    with pytest.raises(ValueError, match="four coefficients for each kind of layer"):
        LatencyTable(**arguments)


def test_networks_that_take_less_than_a_millisecond_show_what_they_take():
    model = network()
    budget = ks.Budget(0.5, of="latency", table=table_of(model, (0, 0, 0, 1e-9)))
    # Of six channels each, where what the first reads and the last makes counts as one.
    nanoseconds = 6 + 36 + 36 + 36 + 36 + 6
    shown = f"0.000{nanoseconds} ms"
    structure = ks.SwitcherModel(model, budget=budget).structure()
    assert f"latency: {shown} -> {shown}" in str(structure)
