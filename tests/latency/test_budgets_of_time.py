"""A budget of milliseconds is held as one of MACs is, in training and after it."""

import warnings

import keras
import numpy as np
import pytest
from helpers.timed import network, table_of
from keras import ops

import keras_switcher as ks
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.latency.table import LatencyTable
from keras_switcher.pruning.costs import remaining
from keras_switcher.pruning.planning import plan_removal


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
