"""A plan says what goes, survives being saved, and is replayed on a copy of its network."""

import keras
import numpy as np
import pytest
from helpers.checks import check_close, draw_inputs, masks_for, with_random_weights
from helpers.networks import lenet5, mlp, two_heads
from hypothesis import given
from hypothesis import strategies as st

from keras_switcher import PruningPlan, prune_channels
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning import planning


def plan_removal(*args, **kwargs):
    """The plan that users get."""
    return PruningPlan.of(planning.plan_removal(*args, **kwargs))


def network(seed=0):
    return with_random_weights(lenet5((6, 8), (9, 4), size=20), seed)


def factors_for(model, removed=0.5, seed=0):
    keep, scale = masks_for(model, removed, seed)
    return {name: keep[name] * scale[name] for name in keep}


def plan_for(model, **options):
    return plan_removal(ChannelGraph(model), factors_for(model), **options)


@given(st.integers(0, 100), st.sampled_from([1, 2, 3, 4, 8, 100]))
def test_rounding_keeps_multiples_and_what_was_kept_before(seed, round_to):
    model = network()
    channel_graph, factors = ChannelGraph(model), factors_for(model, 0.6, seed)
    exact = plan_removal(channel_graph, factors)
    rounded = plan_removal(channel_graph, factors, round_to)
    for group in channel_graph.groups:
        keep, more = exact.keep[group.name], rounded.keep[group.name]
        if group.is_input or not group.prunable:
            np.testing.assert_array_equal(more, keep)
        else:
            count = -(-keep.sum() // round_to) * round_to
            assert more.sum() == min(count, group.size)
            assert more[keep].all()
        np.testing.assert_array_equal(rounded.scale[group.name], exact.scale[group.name])


@pytest.mark.parametrize("round_to", [2, 4, 8])
def test_rounding_changes_sizes_but_no_outputs(round_to):
    model = network()
    keep, scale = masks_for(model, 0.6)
    small = prune_channels(model, keep, scale)
    rounded = prune_channels(model, keep, scale, round_to=round_to)
    for name, size in [("conv1", 6), ("conv2", 8)]:
        filters = rounded.get_layer(name).filters
        assert filters == min(-(-small.get_layer(name).filters // round_to) * round_to, size)
    assert rounded.count_params() > small.count_params()
    x = draw_inputs(model)
    check_close(rounded(x), small(x), "rounded")


def test_rounding_adds_the_channels_with_the_largest_weights():
    model = mlp((3, 5, 2))
    model.get_layer("fc1").kernel.assign(np.ones((3, 1)) * [1.0, -5.0, 2.0, 4.0, 3.0])
    factors = {"fc1": np.array([1.0, 0, 0, 0, 0])}
    for round_to, kept in [(1, [0]), (2, [0, 1]), (3, [0, 1, 3]), (4, [0, 1, 3, 4])]:
        plan = plan_removal(ChannelGraph(model), factors, round_to)
        assert np.flatnonzero(plan.keep["fc1"]).tolist() == kept
        assert plan.scale["fc1"].tolist() == [1, 0, 0, 0, 0]


@pytest.mark.parametrize("round_to", [0, -8, 2.0, "8", None])
def test_rounding_to_anything_else_raises(round_to):
    with pytest.raises(ValueError, match="`round_to` must be a positive integer"):
        plan_for(network(), round_to=round_to)


def test_saved_plan_is_the_same_and_replays_on_a_copy(tmp_path):
    model, copy = network(), network()
    plan = plan_for(model)
    plan.save(tmp_path / "plan.json")
    loaded = PruningPlan.load(tmp_path / "plan.json")
    assert str(loaded) == str(plan)
    for name, group in plan.groups.items():
        np.testing.assert_array_equal(loaded.keep[name], group.keep)
        np.testing.assert_array_equal(loaded.scale[name], group.scale)
        assert loaded.groups[name].reason == group.reason
    x = draw_inputs(model)
    expected = prune_channels(model, *masks_for(model))(x)
    np.testing.assert_array_equal(loaded.apply(copy)(x), expected)


def test_plan_for_every_dense_input_replays_with_these_groups(tmp_path):
    model = two_heads()
    channel_graph = ChannelGraph(model, every_dense_input=True)
    factors = {"one/inputs": [1, 0, 1, 0, 2, 0], "two/inputs": [0, 0.5, 1, 0, 0, 0]}
    plan = plan_removal(channel_graph, factors)
    plan.save(tmp_path / "plan.json")
    small = PruningPlan.load(tmp_path / "plan.json").apply(model)
    assert small.get_layer("hidden").units == 4
    x = draw_inputs(model)
    hidden = model.get_layer("hidden")(x)
    for name, output in [("one", small(x)[0]), ("two", small(x)[2])]:
        head = model.get_layer(name)
        scaled = hidden * np.float32(factors[f"{name}/inputs"])
        check_close(output, scaled @ head.kernel + head.bias)


def test_plan_takes_the_weights_of_the_copy_it_is_applied_to():
    model, other = network(), network(seed=5)
    keep, scale = masks_for(model)
    x = draw_inputs(model)
    np.testing.assert_array_equal(
        plan_for(model).apply(other)(x), prune_channels(other, keep, scale)(x)
    )


def test_plan_prints_what_it_keeps_and_why_not_less():
    plan = plan_removal(ChannelGraph(mlp((3, 4, 2))), {"fc1": np.array([0, 1, 0, 2.0])})
    assert str(plan).split("\n") == [
        "fc1         keeps 2 of 4",
        "fc2         keeps 2 of 2 (its channels are the model's output)",
        "fc1/inputs  keeps 3 of 3",
    ]


@pytest.mark.parametrize("sizes", [(3, 5, 2), (3, 4, 4, 2)])
def test_plan_of_another_network_names_the_groups_that_differ(sizes):
    plan = plan_removal(ChannelGraph(mlp((3, 4, 2))), {})
    with pytest.raises(ValueError, match=r"made for another network than 'mlp'.*differ: fc"):
        plan.apply(mlp(sizes))


def test_a_plan_does_not_remove_what_cannot_go():
    model = mlp((3, 4, 2))
    plan = plan_removal(ChannelGraph(model), {})
    plan.groups["fc2"].keep[0] = False
    with pytest.raises(ValueError, match=r"of 'fc2', which cannot go, in 'mlp': its channels are"):
        plan.apply(model)


def cut_plan(model):
    """A plan in which unit 1 of `fc1` reads nothing, and its constant goes into a bias."""
    factors = {"fc1/connections": np.ones((3, 4)), "fc2/connections": np.ones((4, 2))}
    factors["fc1/connections"][:, 1] = 0
    plan = plan_removal(ChannelGraph(model), factors)
    assert plan.groups["fc1"].constant.tolist() == [False, True, False, False]
    return plan


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (
            lambda plan: plan.connections.update(other=plan.connections.pop("fc1/connections")),
            "made for another network than 'mlp'. Connections that differ: other",
        ),
        (
            lambda plan: plan.connections.update({"fc1/connections": np.ones((4, 3))}),
            "made for another network than 'mlp'. Connections that differ: fc1/connections",
        ),
        (
            lambda plan: plan.groups["fc1"].constant.fill(True),
            "takes units of 'fc1' for constants, .*: some of them read something",
        ),
        (
            lambda plan: plan.groups["fc1/inputs"].constant.fill(True),
            "takes units of 'fc1/inputs' for constants, .*: some of them read something",
        ),
        (
            lambda plan: setattr(plan.groups["fc1"], "scale", np.ones(3)),
            "made for another network than 'mlp'. Groups that differ: fc1",
        ),
        (
            lambda plan: plan.groups["fc2"].scale.fill(2.0),
            "removes or scales channels of 'fc2', which cannot go, in 'mlp': its channels are",
        ),
    ],
)
def test_a_plan_does_nothing_that_would_make_another_network(change, cause):
    model = mlp((3, 4, 2))
    plan = cut_plan(model)
    plan.apply(model)
    change(plan)
    with pytest.raises(ValueError, match=cause):
        plan.apply(model)


def test_empty_plan_is_a_plain_copy():
    model = network()
    copy = plan_removal(ChannelGraph(model), {}).apply(model)
    assert isinstance(copy, keras.Model)
    assert [w.shape for w in copy.weights] == [w.shape for w in model.weights]
    x = draw_inputs(model)
    np.testing.assert_array_equal(copy(x), model(x))
