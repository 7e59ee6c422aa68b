"""A table of latency is a cost like weights and MACs: counted, pulled at, held."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_switcher as ks
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.latency.kinds import kind_of
from keras_switcher.latency.table import LatencyTable
from keras_switcher.pruning.costs import remaining
from keras_switcher.pruning.planning import plan_removal


def network():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 2))
    x = first = layers.Conv2D(6, 3, padding="same", name="first")(inputs)
    for name in ("second", "third"):
        x = layers.Conv2D(6, 3, padding="same", activation="relu", name=name)(x)
    x = layers.Add(name="sum")([x, first])
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(3, name="head")(x))


def table_of(model, coefficients=(1e-6, 2e-7, 3e-7, 4e-8), **arguments):
    """A table in which each kind of layer has the same coefficients."""
    channel_graph = ChannelGraph(model)
    kinds = {}
    for call in channel_graph.graph.calls:
        if (kind := kind_of(call, channel_graph)) is not None:
            kinds[kind.key] = list(coefficients)
    return LatencyTable(kinds, **arguments)


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


@pytest.mark.parametrize("keep", [0.4, 0.7])
def test_prune_and_compact_hold_a_budget_of_latency(keep):
    model = network()
    table = table_of(model)
    budget = ks.Budget(keep, of="latency", table=table)
    total = remaining(ChannelGraph(model), None, table)["latency"]
    switcher_model = ks.SwitcherModel(model, budget=budget)
    structure = switcher_model.structure(budget=budget)
    assert structure.before["latency"] == total
    assert structure.after["latency"] <= keep * total
    assert "latency: " in str(structure)
    assert " ms -> " in str(structure)
    small = switcher_model.compact(budget=budget)
    pruned = ks.prune(model, budget)
    for each in (small, pruned):
        sizes = [each.get_layer(name).filters for name in ("first", "second")]
        assert min(sizes) >= 1
        assert sum(sizes) < 12


def test_what_is_kept_has_the_gradient_of_the_time_that_a_channel_takes():
    model = network()
    table = table_of(model)
    switcher_model = ks.SwitcherModel(model, budget=ks.Budget(0.5, of="latency", table=table))
    channel_graph = switcher_model.gated.channel_graph
    total = remaining(channel_graph, None, table)["latency"]
    factors = {
        group.name: ops.cast(np.arange(group.size) < group.size - 1, "float32")
        for group in switcher_model.gated.groups
    }
    kept = float(switcher_model.accounting.kept(factors, table))
    plan = plan_removal(channel_graph, {n: np.asarray(f) for n, f in factors.items()})
    assert kept * total == pytest.approx(remaining(channel_graph, plan, table)["latency"], rel=1e-5)


def test_training_reaches_a_budget_of_latency():
    model = network()
    table = table_of(model)
    keras.utils.set_random_seed(0)
    switcher_model = ks.SwitcherModel(
        model, alternation="joint", budget=ks.Budget(0.5, of="latency", end_epoch=3, table=table)
    )
    switcher_model.compile(
        keras.optimizers.Adam(0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        switcher_optimizer=keras.optimizers.Adam(0.02),
    )
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 256)
    x = (rng.normal(size=(256, 8, 8, 2)) + y[:, None, None, None]).astype("float32")
    switcher_model.fit(x, y, batch_size=16, epochs=8, verbose=0)
    assert 1 - switcher_model.structure().removed("latency") == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("overhead", [0.0, 4.7e-5])
def test_a_budget_of_time_that_leaves_few_macs_says_how_many(overhead):
    """Of 100 microseconds 47 stay, and of the other 53 three may."""
    model = network()
    table = table_of(model, (0, 0, 0, 1e-9))
    each = (1e-4 - overhead) / (1e-3 * table.milliseconds(model))
    table = table_of(model, (0, 0, 0, 1e-9 * each), overhead=overhead)
    assert table.milliseconds(model) == pytest.approx(0.1, rel=1e-3)
    budget = ks.Budget(0.5, of="latency", table=table)
    switcher_model = ks.SwitcherModel(model)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        small = ks.prune(model, budget), switcher_model.compact(budget=budget)
    shares = [ks.count_macs(each).total / ks.count_macs(model).total for each in small]
    said = [str(each.message) for each in seen if each.category is UserWarning]
    structure = str(switcher_model.structure(budget=budget))
    if not overhead:
        assert min(shares) > 0.5**2 / 2
        assert not said
        assert "Warning" not in structure
        return
    assert max(shares) < 0.5**2 / 2
    for share, message in zip(shares, said, strict=True):
        assert (
            f"50.00% of the latency leaves {share:.2%} of the macs: 47.00% of the time" in message
        )
    assert structure.splitlines()[-1] == f"Warning: {said[1]}"


@pytest.mark.only("tensorflow", reason="It writes a SavedModel.")
def test_an_exported_network_of_few_macs_says_so_too(tmp_path):
    model = network()
    table = table_of(model, overhead=1e-3)
    # Nearly all of the time stays, so that training may end with almost nothing else.
    budget = ks.Budget(0.99, of="latency", table=table)
    task = ks.SwitcherModel(model, ks.switchers.FreeFactors(), budget=budget)
    values = np.zeros(task.switcher.parameters.shape, "float32")
    values[[0, 6]] = 1
    task.switcher.parameters.assign(values)
    with pytest.warns(UserWarning, match=r"99\.00% of the latency leaves .* of the macs"):
        task.export(tmp_path / "served")


def test_budgets_with_a_table_are_saved_and_compared_by_their_configuration(tmp_path):
    model = network()
    table = table_of(model, overhead=1e-6, round_to=8)
    switcher_model = ks.SwitcherModel(model, budget=ks.Budget(0.5, of="latency", table=table))
    switcher_model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.budget.table.get_config() == table.get_config()
    assert loaded.budget == switcher_model.budget
    assert hash(loaded.budget) == hash(switcher_model.budget)
    assert loaded.budget != ks.Budget(0.5, of="latency", table=table_of(model))
    assert "LatencyTable" in repr(loaded.budget)
    assert "table" not in ks.Budget(0.5).get_config()


def test_wrong_tables_are_refused():
    model = network()
    with pytest.raises(ValueError, match="table"):
        ks.Budget(0.5, of="latency")
    with pytest.raises(ValueError, match="no other budget"):
        ks.Budget(0.5, of="macs", table=table_of(model))
    budget = ks.Budget(0.5, of="latency", table=LatencyTable({}))
    with pytest.raises(ValueError, match=r"no time for 'first' \(of type Conv2D\)"):
        ks.prune(model, budget)
    with pytest.raises(ValueError, match="needs channels"):
        ks.SwitcherModel(
            model,
            connections=True,
            budget=ks.Budget(0.5, of="latency", table=table_of(model)),
        )


def test_a_budget_out_of_reach_says_what_takes_the_time():
    model = network()
    table = table_of(model, overhead=1e-3)
    with pytest.raises(ValueError, match="with one factor left") as error:
        ks.SwitcherModel(model, budget=ks.Budget(0.1, of="latency", table=table))
    whole = table.milliseconds(model)
    assert f"{1 / whole:.2%} (1 ms): what a network takes beside its layers" in str(error.value)
    # One channel read, one made; what the network reads and returns stays.
    one = 1e-3 + 2e-4 + 3e-4 + 4e-5
    assert f"{one / whole:.2%} ({one:.3g} ms): 'first'" in str(error.value)
    assert "weights" not in str(error.value)


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
