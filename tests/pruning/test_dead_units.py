"""Units that lost their connections go, and nothing else changes."""

import numpy as np
import pytest
from helpers.checks import draw_inputs
from helpers.cutting import chain, check, ones, units
from hypothesis import assume, given
from hypothesis import strategies as st

from keras_switcher import PruningPlan, Structure
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.planning import plan_removal
from keras_switcher.pruning.surgery import compact


def test_factors_are_folded():
    model = chain()
    random = np.random.default_rng(0)
    factors = {n: random.uniform(0.5, 2, m.shape).astype("f4") for n, m in ones(model).items()}
    small, _ = check(model, factors)
    assert units(small) == [6, 4, 3]
    for layer, matrix in zip(model.layers, factors.values(), strict=True):
        made = small.get_layer(layer.name).kernel
        np.testing.assert_allclose(made, layer.kernel * matrix, rtol=1e-6)


def test_a_unit_that_nothing_reads_goes_and_so_does_what_only_it_reads():
    model = chain()
    factors = ones(model)
    factors["dense_3/connections"][2] = 0
    factors["dense_2/connections"][1, [0, 1, 3]] = 0  # Only unit 2 of dense_2 reads unit 1.
    small, plan = check(model, factors)
    assert units(small) == [5, 3, 3]
    assert not plan.groups["dense_1"].constant.any()


def test_raw_inputs_that_nothing_reads_are_dropped():
    model = chain()
    factors = ones(model)
    factors["dense_1/connections"][[0, 4]] = 0
    small, plan = check(model, factors)
    assert small.get_layer("dense_1").kernel.shape == (3, 6)
    assert plan.groups["dense_1/inputs"].keep.tolist() == [False, True, True, True, False]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_network_that_reads_nothing_is_refused(number):
    model = chain()
    factors = ones(model)
    factors[f"dense_{number}/connections"][:] = 0
    with pytest.raises(ValueError, match=f"Nothing is left of 'dense_{number}/connections'"):
        compact(ChannelGraph(model), plan_removal(ChannelGraph(model), factors))


def test_the_plan_of_connections_survives_its_file(tmp_path):
    model = chain()
    factors = ones(model)
    factors["dense_1/connections"][:, 3] = 0
    factors["dense_2/connections"][1:3, 1] = [0, 0.25]
    plan = PruningPlan.of(plan_removal(ChannelGraph(model), factors))
    plan.save(tmp_path / "plan.json")
    loaded = PruningPlan.load(tmp_path / "plan.json")
    assert str(loaded) == str(plan)
    assert "dense_2/connections  keeps 23 of 24" in str(plan)
    x = draw_inputs(model)
    np.testing.assert_array_equal(loaded.apply(model)(x), plan.apply(model)(x))


@given(
    st.lists(st.integers(1, 7), min_size=3, max_size=5),
    st.floats(0.2, 0.95),
    st.booleans(),
    st.integers(0, 10_000),
)
def test_drawn_masks(sizes, removed, bias, seed):
    model = chain(sizes, bias)
    random = np.random.default_rng(seed)
    factors = {
        name: (random.uniform(0.5, 2, m.shape) * (random.random(m.shape) > removed)).astype("f4")
        for name, m in ones(model).items()
    }
    channel_graph = ChannelGraph(model)
    plan = plan_removal(channel_graph, factors)
    assume(all(group.keep.any() for group in plan.groups.values()))
    small, plan = check(model, factors)
    left = sum(np.count_nonzero(layer.kernel) for layer in small.layers if hasattr(layer, "units"))
    assert Structure(channel_graph, list(factors), plan).after["weights"] == left
    for layer in small.layers:
        if hasattr(layer, "units"):
            assert np.any(layer.kernel, axis=1).all()  # Each input is read by some unit.
            last = layer.name == f"dense_{len(sizes) - 1}"
            assert last or np.any(layer.kernel, axis=0).all()  # Each unit reads something.
