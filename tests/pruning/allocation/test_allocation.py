"""An allocation meets its budget from below, and leaves no room that it could use."""

import keras
import numpy as np
import pytest
from helpers.checks import with_random_weights
from helpers.drawn_graphs import RECIPES, build
from helpers.toys import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from keras import layers

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.allocation.allocation import allocate, largest_within
from keras_switcher.pruning.costs import remaining
from keras_switcher.pruning.planning import plan_removal


def chain(widths=(8, 8), inputs=4, outputs=2):
    hidden = [layers.Dense(n, "relu", name=f"dense{i}") for i, n in enumerate(widths)]
    network = [keras.Input((inputs,)), *hidden, layers.Dense(outputs, name="head")]
    return with_random_weights(keras.Sequential(network))


def _scores(channel_graph, seed=0):
    random = np.random.default_rng(seed)
    groups = [g for g in channel_graph.groups if g.prunable and not g.is_input]
    return {group.name: random.random(group.size) for group in groups}


@settings(max_examples=examples(25), deadline=None, derandomize=True)
@given(
    RECIPES,
    st.sampled_from(["weights", "macs"]),
    st.floats(0.1, 0.95),
    st.sampled_from([1, 1, 2, 4]),
    st.sampled_from(["global", "uniform"]),
    st.integers(0, 99),
)
def test_no_budget_is_exceeded_and_nothing_further_fits(
    recipe, of, keep, round_to, allocation, seed
):
    channel_graph = ChannelGraph(build(**recipe))
    scores = _scores(channel_graph, seed)
    assume(scores)
    try:
        plan = allocate(channel_graph, scores, keep, of, allocation, round_to=round_to)
    except ValueError as error:
        assume("cannot be met" not in str(error))
        raise
    total = remaining(channel_graph)[of]
    assert remaining(channel_graph, plan)[of] / total <= keep
    for name in scores:
        kept = int(plan.keep[name].sum())
        assert kept
        assert kept % round_to == 0 or kept == len(scores[name]) or round_to > 1
    if allocation == "global" and round_to == 1:
        _check_nothing_fits(channel_graph, plan, scores, keep * total, of)


def _check_nothing_fits(channel_graph, plan, scores, limit, of):
    for name in scores:
        for channel in np.flatnonzero(~plan.keep[name]):
            factors = {other: plan.keep[other].astype("float32") for other in scores}
            factors[name][channel] = 1
            more = plan_removal(channel_graph, factors)
            assert remaining(channel_graph, more)[of] > limit


def test_global_keeps_the_best_of_all_groups():
    channel_graph = ChannelGraph(chain())
    scores = {"dense0": np.arange(8.0), "dense1": 10 + np.arange(8.0)}
    # 56 of 4*8 + 8*8 + 8*2 weights: with all of dense1, 12 for each of dense0, (56 - 16) / 12.
    plan = allocate(channel_graph, scores, 0.5, "weights")
    assert plan.keep["dense1"].all()
    assert np.flatnonzero(plan.keep["dense0"]).tolist() == [5, 6, 7]


def test_uniform_keeps_the_same_share_of_all_groups():
    channel_graph = ChannelGraph(chain((8, 16)))
    scores = {"dense0": np.arange(8.0), "dense1": 100 + np.arange(16.0)}
    plan = allocate(channel_graph, scores, 0.4, "weights", "uniform")
    shares = [plan.keep[name].mean() for name in scores]
    assert abs(shares[0] - shares[1]) <= 1 / 8
    assert np.flatnonzero(plan.keep["dense0"]).tolist() == list(range(8 - int(8 * shares[0]), 8))


def test_equal_scores_lose_the_same_share():
    channel_graph = ChannelGraph(chain((8, 16)))
    scores = {"dense0": np.ones(8), "dense1": np.ones(16)}
    plan = allocate(channel_graph, scores, 0.3, "weights")
    # One step apart at most, and another one that there was room for.
    assert abs(plan.keep["dense0"].mean() - plan.keep["dense1"].mean()) <= 2 / 8


def test_a_group_keeps_the_share_that_it_is_given():
    channel_graph = ChannelGraph(chain())
    scores = {"dense0": np.arange(8.0), "dense1": 10 + np.arange(8.0)}
    plan = allocate(channel_graph, scores, 0.5, "weights", {"dense1": 0.25})
    assert np.flatnonzero(plan.keep["dense1"]).tolist() == [6, 7]
    assert plan.keep["dense0"].all()  # 4*8 + 8*2 + 2*2 = 52 of 56.


def test_a_floor_stays():
    channel_graph = ChannelGraph(chain())
    scores = {"dense0": np.arange(8.0), "dense1": 10 + np.arange(8.0)}
    plan = allocate(channel_graph, scores, 0.5, "weights", floor=0.5)
    assert plan.keep["dense0"].sum() == 4


def test_steps_are_multiples():
    channel_graph = ChannelGraph(chain((16, 24)))
    plan = allocate(channel_graph, _scores(channel_graph), 0.5, "weights", round_to=8)
    assert {int(plan.keep[name].sum()) % 8 for name in ("dense0", "dense1")} == {0}


def test_a_budget_below_the_floors_says_the_least():
    channel_graph = ChannelGraph(chain())
    # One channel of each: 4 + 1 + 2 = 7 of 112.
    with pytest.raises(ValueError, match=r"cannot be met.*6\.25% remain.*at least 0\.0625"):
        allocate(channel_graph, _scores(channel_graph), 0.05, "weights")
    with pytest.raises(ValueError, match=r"lower floor=0\.5, round_to=2, or choose more groups"):
        allocate(channel_graph, _scores(channel_graph), 0.1, "weights", floor=0.5, round_to=2)


@given(st.integers(1, 10**12), st.floats(1e-6, 0.999))
def test_the_largest_number_within_a_share(total, keep):
    number = largest_within(keep, total)
    assert number / total <= keep < (number + 1) / total
