"""What was learned is counted as it acts, and agrees with the compact model."""

import keras
import numpy as np
import pytest
from helpers.checks import draw_masks, with_random_weights
from helpers.networks import lenet5, mlp
from hypothesis import given
from hypothesis import strategies as st
from keras import layers

from keras_switcher import (
    Budget,
    Structure,
    SwitcherModel,
    count_macs,
    count_parameters,
    prune_channels,
)
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.planning import plan_removal
from keras_switcher.switchers import FreeFactors
from keras_switcher.training.budget.advice import TrainingSoFar


def structure_of(model, factors):
    channel_graph = ChannelGraph(model)
    factors = {name: np.asarray(factor, "float32") for name, factor in factors.items()}
    return Structure(channel_graph, list(factors), plan_removal(channel_graph, factors))


def test_counts():
    structure = structure_of(mlp((3, 6, 2)), {"fc1": [0, 0.2, 1, 3, 0, 0.9]})
    (counts,) = structure.groups
    assert (counts.name, counts.total, counts.kept, counts.pruned) == ("fc1", 6, 4, 2)
    assert (counts.strengthened, counts.weakened) == (2, 2)


def test_structures_are_equal_by_factors_counts_and_costs():
    model, factors = mlp((3, 6, 2)), [0, 0.2, 1, 3, 0, 0.9]
    structure = structure_of(model, {"fc1": factors})
    assert structure == structure_of(mlp((3, 6, 2)), {"fc1": factors})
    assert hash(structure) == hash(structure_of(model, {"fc1": factors}))
    # As many are weakened: the counts are the same.
    assert structure != structure_of(model, {"fc1": [0, 0.3, 1, 3, 0, 0.9]})
    assert structure != structure_of(mlp((3, 6, 3)), {"fc1": factors})
    assert structure != structure.to_dict()


@pytest.mark.parametrize("of", ["mac", "Weights", "flops", None, 0])
def test_a_share_of_what_is_not_counted_is_refused(of):
    structure = structure_of(mlp((3, 6, 2)), {"fc1": [0, 0.2, 1, 3, 0, 0.9]})
    named = r"one of \('weights', 'parameters', 'macs'\)"
    with pytest.raises(ValueError, match=f"{named}. Received: of={of!r}"):
        structure.removed(of)


def test_positions_count_with_the_factor_of_their_channel():
    model = lenet5((2, 3), (4, 2), size=20)
    positions = np.ones((4, 3))
    positions[0] = [2, 2, 2]
    positions[1] = [0, 1, 1]
    factors = {"conv2": [0.6, 1, 0], "fc1/inputs": positions.reshape(-1)}
    channels, inputs = structure_of(model, factors).groups
    assert (channels.kept, channels.strengthened, channels.weakened) == (2, 1, 1)
    # 0.6 * (2, 0, 1, 1) and 1 * (2, 1, 1, 1); the third channel is off.
    assert (inputs.kept, inputs.strengthened, inputs.weakened, inputs.pruned) == (7, 5, 2, 5)


@given(st.integers(0, 1000), st.floats(0.1, 0.8))
def test_costs_are_those_of_the_compact_model(seed, removed):
    model = with_random_weights(lenet5((6, 8), (9, 4), size=20))
    keep, scale = draw_masks(ChannelGraph(model).groups, removed, seed)
    keep["fc1/inputs"] = keep["fc1/inputs"] | (np.arange(32) < 8)  # No channel is left without.
    structure = structure_of(model, {name: keep[name] * scale[name] for name in keep})
    small = prune_channels(model, keep, scale)
    before = {"weights": model.count_params(), "macs": count_macs(model).total}
    after = {"weights": small.count_params(), "macs": count_macs(small).total}
    assert structure.before == {**before, "parameters": count_parameters(model).total}
    assert structure.after == {**after, "parameters": count_parameters(small).total}
    for of in before:
        assert structure.removed(of) == pytest.approx(1 - after[of] / before[of])
    kept = {counts.name: counts.kept for counts in structure.groups}
    assert kept["conv2"] == small.get_layer("conv2").filters
    assert kept["fc1/inputs"] == small.get_layer("fc1").kernel.shape[0]


def test_table():
    structure = structure_of(mlp((3, 4, 2)), {"fc1": [0, 0.5, 2, 1], "fc1/inputs": [1, 1, 0]})
    assert str(structure).split("\n") == [
        "group              kept           of strengthened     weakened       pruned",
        "fc1                   3            4            2            1            1",
        "fc1/inputs            2            3            2            0            1",
        "weights: 20 -> 12 (40.00% removed)",
        "parameters: 20 -> 12 (40.00% removed)",
        "macs: 20 -> 12 (40.00% removed)",
    ]
    assert structure.to_dict() == {
        "groups": {
            "fc1": {"total": 4, "kept": 3, "strengthened": 2, "weakened": 1, "pruned": 1},
            "fc1/inputs": {"total": 3, "kept": 2, "strengthened": 2, "weakened": 0, "pruned": 1},
        },
        "before": {"weights": 20, "parameters": 20, "macs": 20},
        "after": {"weights": 12, "parameters": 12, "macs": 12},
    }


def test_empty_group_is_warned_of():
    structure = structure_of(mlp((3, 4, 2)), {"fc1": [0, 0, 0, 0]})
    assert structure.after["weights"] == 0
    assert "Warning: nothing is left of 'fc1'." in str(structure)


def test_unknown_macs_are_left_out():
    model = keras.Sequential([keras.Input((None, None, 1)), layers.Conv2D(4, 3, name="conv")])
    model.add(layers.GlobalMaxPooling2D())
    model.add(layers.Dense(2))
    structure = structure_of(model, {"conv": [1, 0, 1, 0]})
    left = {"weights": 2 * 9 + 2 * 2, "parameters": 2 * 10 + 3 * 2, "macs": 2 * 2}
    assert structure.after == left
    assert "macs: 8 -> 4 (50.00% removed)\nNot among the macs: 'conv': the size" in str(structure)


def test_weights_that_no_rule_reaches_are_listed():
    inputs = keras.Input((3, 4))
    x = layers.TimeDistributed(layers.Dense(4), name="td")(inputs)
    for name in "abcde":
        x = layers.SimpleRNN(4, return_sequences=True, name=name)(x)
    quantized = layers.Dense(4, name="quantized")
    model = keras.Model(inputs, layers.Dense(2, name="o")(layers.Dense(3, name="h")(quantized(x))))
    quantized.quantize("int8")
    hidden = {each.name: (each.number, each.kind) for each in ChannelGraph(model).hidden_weights}
    assert hidden == {
        **dict.fromkeys("abcde", (32, "SimpleRNN")),
        "quantized": (16, "Dense"),
    }
    assert (
        "176 of 210 weights are in layers that no rule reaches: 'a', 'b', 'c' and 2 more "
        "(SimpleRNN), 'quantized' (Dense)."
    ) in str(structure_of(model, {"h": [1, 0, 1]}))
    assert ChannelGraph(mlp()).hidden_weights == []


def test_a_budget_that_was_missed_is_said_with_what_to_do():
    model, factors = mlp((3, 4, 2)), {"fc1": np.float32([0, 0.5, 2, 1])}  # Keeps 75 %.
    channel_graph = ChannelGraph(model)
    plan = plan_removal(channel_graph, factors)

    def shown(keep, epochs=20.0, waited=0.0, learns=True, gradient=0.1, has_lost=False):
        training = TrainingSoFar(epochs, waited, learns, gradient, has_lost)
        budget = Budget(keep, "macs", end_epoch=7)
        return str(Structure(channel_graph, ["fc1"], plan, budget, training))

    found = "Warning: 60.00% of the macs were to be kept, and 75.00% are left"
    assert f"{found}. Raise the switcher's learning rate" in shown(0.6)
    assert f"{found}. The budget is reached at epoch 9, and 8 were trained" in shown(0.6, 8, 2)
    assert "so the budget waited for 7 epochs" in shown(0.6, 8, 7, False)
    # A budget that is met by a network that knows nothing is no success.
    for keep in (0.75, 0.9):
        assert "The loss is above half of the first one" in shown(keep, 20, 7, False)
    for keep in (0.6, 0.75, 0.9):
        lost = shown(keep, has_lost=True)
        assert "what was learned is lost. Lower the switcher's learning rate" in lost
        assert "Raise" not in lost
    assert "moved too fast to stop there" in shown(0.9)
    assert "The loss has a small scale" in shown(0.6, gradient=1e-5)
    assert "The loss has a large scale" in shown(0.6, gradient=1e4)
    assert "scale" not in shown(0.6)
    assert "Warning" not in shown(0.75)
    assert "Warning" not in shown(0.6, epochs=0.0), "nothing was trained"
    assert "Warning" not in str(SwitcherModel(model, budget=Budget(0.5)).structure())


def test_what_stays_only_to_round_widths_up_counts_as_kept():
    hidden = layers.Dense(8, name="hidden")
    task = keras.Sequential([keras.Input((2,)), hidden, layers.Dense(1)])
    model = SwitcherModel(task, FreeFactors(), groups=["hidden"])
    model.switcher.parameters.assign([1, 0.5, 0, 0, 0, 0, 0, 0])
    structure = model.structure(round_to=4)
    small = model.compact(round_to=4)
    assert structure.to_dict()["groups"]["hidden"] == {
        "total": 8,
        "kept": 4,
        "strengthened": 1,
        "weakened": 3,
        "pruned": 4,
    }
    assert "Of the weakened channels, 2 are off" in str(structure)
    assert "are off" not in str(model.structure())
    assert structure.after["parameters"] == small.count_params()
    assert structure.after["macs"] == count_macs(small).total


@pytest.mark.parametrize("has_lost", [False, True])
def test_what_rounding_keeps_is_no_fault_of_training(has_lost):
    model, factors = mlp((3, 4, 2)), {"fc1": np.float32([0, 0, 0, 1])}  # Keeps 25 or 50 %.
    channel_graph = ChannelGraph(model)
    budget, so_far = Budget(0.25, "macs", end_epoch=7), TrainingSoFar(20, 0, True, 0.1, has_lost)
    for round_to in (1, 2):
        plan = plan_removal(channel_graph, factors, round_to)
        shown = str(Structure(channel_graph, ["fc1"], plan, budget, so_far))
        assert ("Of the weakened channels, 1 are off" in shown) == (round_to == 2)
        assert "Raise" not in shown
        assert ("what was learned is lost" in shown) == has_lost
