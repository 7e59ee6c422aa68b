"""PlannedCost tells what plans keep and cost, as they would be made one by one."""

import keras
import numpy as np
import pytest
from helpers.drawn_graphs import RECIPES, build
from helpers.networks import densely_connected, lenet5, two_heads
from helpers.toys import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.cost_terms import CostTerm
from keras_switcher.pruning.allocation.planned_cost import PlannedCost
from keras_switcher.pruning.allocation.projection import project
from keras_switcher.pruning.costs import cost_of
from keras_switcher.pruning.planning import plan_removal


class PositionsTable:
    """A cost of each call: one, and one for each pair of a channel that it reads and makes."""

    of = "time"

    def terms(self, channel_graph):
        terms = []
        for call in channel_graph.graph.calls:
            along = [channel_graph.axes_along(x) for x in (*call.inputs[:1], call.outputs)]
            axes = [axis for each in along for axis in list(each.values())[-1:]]
            terms += [CostTerm(call, 1), CostTerm(call, 3, axes)]
        return terms


MEASURES = ["weights", "macs", PositionsTable()]


def check_is_what_plans_tell(channel_graph, of, round_to, seed, number=4):
    random = np.random.default_rng(seed)
    groups = [g for g in channel_graph.groups if g.prunable and random.random() < 0.8]
    planned = PlannedCost(channel_graph, groups, of, round_to)
    for _ in range(number):
        # Of some groups nothing, of others all.
        share = {group.name: random.choice([0, 0.1, 0.5, 0.9, 1]) for group in groups}
        masks = {g.name: random.random(g.size) < share[g.name] for g in groups}
        factors = {name: mask.astype("float32") for name, mask in masks.items()}
        plan = plan_removal(channel_graph, factors, round_to)
        packed = np.concatenate([*masks.values(), [True]])
        keep = planned.keep(packed)
        for name, mask in plan.keep.items():
            np.testing.assert_array_equal(keep[name], mask)
        assert planned.cost(packed) == cost_of(channel_graph, of, plan)


@settings(max_examples=examples(60), deadline=None, derandomize=True)
@given(RECIPES, st.sampled_from(MEASURES), st.sampled_from([1, 1, 2, 3]), st.integers(0, 999))
def test_of_any_network(recipe, of, round_to, seed):
    check_is_what_plans_tell(ChannelGraph(build(**recipe)), of, round_to, seed)


@pytest.mark.parametrize("of", MEASURES, ids=["weights", "macs", "a table"])
@pytest.mark.parametrize("round_to", [1, 2])
@pytest.mark.parametrize(
    "make", [densely_connected, two_heads, lambda: lenet5((6, 8), (9, 4), size=20)]
)
def test_of_networks_of_many_kinds(make, round_to, of):
    check_is_what_plans_tell(ChannelGraph(make()), of, round_to, seed=0, number=20)


def deep():
    """Blocks with shortcuts, a branch without, and Dense layers, whose inputs have factors, too."""
    x = inputs = keras.Input((8, 8, 3))
    for number in range(12):
        y = layers.Conv2D(24, 3, padding="same", name=f"conv{number}")(x)
        x = layers.Concatenate()([y, x]) if number % 4 == 3 else y
    x = layers.Dense(64, "relu", name="first")(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, layers.Dense(10, name="head")(layers.Dense(64, name="second")(x)))


@pytest.mark.parametrize("round_to", [1, 4])
def test_a_projection_makes_no_plans(round_to, monkeypatch):
    """Hundreds of them, one for each factor that might fit, took seconds."""
    from keras_switcher.pruning.allocation import search

    channel_graph = ChannelGraph(deep())
    random = np.random.default_rng(0)
    factors = {g.name: random.random(g.size) + 0.1 for g in channel_graph.groups if g.prunable}
    factors["conv5"][:20] = 0
    made = []

    def counted(*arguments):
        made.append(arguments)
        return plan_removal(*arguments)

    monkeypatch.setattr(search, "plan_removal", counted)
    projected = project(channel_graph, factors, 0.3, "macs", round_to)
    assert projected.number > 100
    assert not made
