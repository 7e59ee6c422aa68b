"""KeptCost counts what the smaller network costs, and what each further channel adds."""

import numpy as np
import pytest
from helpers.drawn_graphs import RECIPES, build
from helpers.toys import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.allocation.kept_cost import KeptCost
from keras_switcher.pruning.costs import remaining
from keras_switcher.pruning.planning import plan_removal


def _drawn(recipe, of):
    channel_graph = ChannelGraph(build(**recipe))
    groups = [g for g in channel_graph.groups if g.prunable and not g.is_input]
    return channel_graph, groups, KeptCost(channel_graph, groups, of)


@settings(max_examples=examples(20), deadline=None, derandomize=True)
@given(RECIPES, st.sampled_from(["weights", "macs"]), st.integers(0, 99))
def test_counts_equal_those_of_the_smaller_network(recipe, of, seed):
    channel_graph, groups, cost = _drawn(recipe, of)
    random = np.random.default_rng(seed)
    masks = {group.name: random.random(group.size) < 0.5 for group in groups}
    plan = plan_removal(channel_graph, {name: m.astype("float32") for name, m in masks.items()})
    kept = {name: plan.keep[name] for name in masks}
    if all(mask.any() for mask in kept.values()):
        assert cost.count(cost.pack(kept)) == remaining(channel_graph, plan)[of]


@settings(max_examples=examples(20), deadline=None, derandomize=True)
@given(RECIPES, st.sampled_from(["weights", "macs"]), st.integers(0, 99))
def test_increments_are_differences_of_counts(recipe, of, seed):
    _, groups, cost = _drawn(recipe, of)
    random = np.random.default_rng(seed)
    packed = cost.pack({group.name: random.random(group.size) < 0.5 for group in groups})
    increments, count = cost.increments(packed), cost.count(packed)
    for place in np.flatnonzero(~packed):
        more = packed.copy()
        more[place] = True
        assert cost.count(more) - count == increments[place]


def test_packing_is_undone():
    channel_graph = ChannelGraph(build(4, [], False, True, 0))
    groups = [group for group in channel_graph.groups if group.prunable]
    cost = KeptCost(channel_graph, groups, "macs")
    masks = {group.name: np.arange(group.size) % 2 > 0 for group in groups}
    unpacked = cost.unpack(cost.pack(masks))
    assert list(unpacked) == list(masks)
    assert all(np.array_equal(unpacked[name], masks[name]) for name in masks)
    assert cost.count(cost.pack({n: np.ones_like(m) for n, m in masks.items()})) == pytest.approx(
        remaining(channel_graph)["macs"]
    )
