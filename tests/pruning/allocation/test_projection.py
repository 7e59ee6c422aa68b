"""A projection meets its budget exactly from below, by the strongest factors."""

import re

import keras
import numpy as np
import pytest
from helpers import drawn_graphs
from helpers.checks import draw_inputs, with_random_weights
from helpers.drawn_graphs import RECIPES, build
from helpers.toys import convnet, examples, mlp
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from keras import layers

import keras_switcher as ks
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.allocation.connected import connected_path
from keras_switcher.pruning.allocation.projection import project
from keras_switcher.pruning.costs import remaining
from keras_switcher.pruning.planning import plan_removal
from keras_switcher.pruning.surgery import compact


def chain():
    hidden = [layers.Dense(6, "relu", name=name) for name in ("first", "second")]
    return with_random_weights(
        keras.Sequential([keras.Input((5,)), *hidden, layers.Dense(3, name="head")])
    )


def drawn_factors(channel_graph, connections=False, seed=0, off=0.2):
    random = np.random.default_rng(seed)
    groups = [] if connections is True else channel_graph.groups
    groups = [*groups, *(channel_graph.connections if connections else [])]
    return {
        group.name: np.where(
            random.random(group.shape) < off, 0, random.uniform(0.1, 1.5, group.shape)
        ).astype("float32")
        for group in groups
        if group.prunable
    }


def kept_share(channel_graph, factors, of, round_to=1):
    plan = plan_removal(channel_graph, factors, round_to)
    return remaining(channel_graph, plan)[of] / remaining(channel_graph)[of]


@settings(max_examples=examples(25), deadline=None, derandomize=True)
@given(
    RECIPES,
    st.sampled_from(["weights", "macs"]),
    st.floats(0.1, 0.9),
    st.sampled_from([1, 1, 2]),
    st.integers(0, 99),
)
def test_budgets_hold_and_nothing_further_fits(recipe, of, keep, round_to, seed):
    channel_graph = ChannelGraph(build(**recipe))
    factors = drawn_factors(channel_graph, seed=seed)
    assume(factors and all(factor.any() for factor in factors.values()))
    try:
        check_nothing_further_fits(channel_graph, factors, of, keep, round_to)
    except ValueError as error:
        assume("cannot be met" not in str(error))
        raise


def check_nothing_further_fits(channel_graph, factors, of, keep, round_to):
    projected = project(channel_graph, factors, keep, of, round_to)
    before = kept_share(channel_graph, projected.factors, of, round_to)
    assert before <= keep
    number = 0
    for name, factor in factors.items():
        left = projected.factors[name]
        assert ((left == factor) | (left == 0)).all()
        assert left.any()
        number += int(((factor > 0) & (left == 0)).sum())
        for channel in np.flatnonzero((factor > 0) & (left == 0)):
            more = {**projected.factors, name: left.copy()}
            more[name].flat[channel] = factor.flat[channel]
            share = kept_share(channel_graph, more, of, round_to)
            assert share > keep or share == before
    assert projected.number == number


@pytest.mark.parametrize("keep", [0.1, 0.3, 0.7])
@pytest.mark.parametrize("seed", range(3))
def test_connections_hold_their_budget_and_no_layer_is_cut_off(keep, seed):
    model = chain()
    channel_graph = ChannelGraph(model)
    factors = drawn_factors(channel_graph, connections=True, seed=seed)
    projected = project(channel_graph, factors, keep, "weights")
    plan = plan_removal(channel_graph, projected.factors)
    total = remaining(channel_graph)["weights"]
    left = remaining(channel_graph, plan)["weights"]
    assert left <= keep * total
    for kernel in channel_graph.kernels:
        matrix = projected.factors[kernel.connections_name]
        assert kernel.between(matrix, plan.keep).any()
    # Connections that are on keep their factors, the strongest first but for the path and the rest.
    assert all(
        ((projected.factors[name] == factor) | (projected.factors[name] == 0)).all()
        for name, factor in factors.items()
    )


LAYERS = {
    "convolutions": st.lists(st.tuples(st.integers(1, 5), st.booleans()), max_size=3),
    "pool": st.sampled_from([layers.Flatten, layers.GlobalAveragePooling2D]),
    "units": st.lists(st.integers(1, 6), max_size=2),
}


def chain_of_kinds(convolutions, pool, units):
    """Convolutions, some of them separable, then layers whose connections can be cut."""
    chain = [keras.Input((4, 4, 2))]
    for filters, is_separable in convolutions:
        layer = layers.SeparableConv2D if is_separable else layers.Conv2D
        chain += [layer(filters, 3, padding="same"), layers.BatchNormalization()]
    dense = [layers.Dense(number, "relu") for number in units]
    return with_random_weights(keras.Sequential([*chain, pool(), *dense, layers.Dense(2)]))


@settings(max_examples=examples(8), deadline=None, derandomize=True)
@given(
    st.fixed_dictionaries(LAYERS),
    *(st.sampled_from([True, "both", "both"]), st.sampled_from([0, 0.3])),
    *(st.sampled_from(["weights", "macs"]), st.sampled_from([1, 1, 2]), st.integers(0, 99)),
)
def test_what_has_connections_is_built_within_any_budget_down_to_the_least_that_is_told(
    recipe, connections, off, of, round_to, seed
):
    channel_graph = ChannelGraph(chain_of_kinds(**recipe))
    factors = drawn_factors(channel_graph, connections, seed, off)

    def built(factors):
        compact(channel_graph, plan_removal(channel_graph, factors, round_to), factors)

    try:
        built(factors)
    except ValueError:
        assume(False)  # They leave nothing, whatever the budget.
    with pytest.raises(ValueError, match="cannot be met by these factors") as refusal:
        project(channel_graph, factors, 1e-6, of, round_to)
    least = float(re.search(r"at least (\d\.\d{4})", str(refusal.value))[1])
    for keep in (least, (1 + 2 * least) / 3):
        if keep < 1:
            projected = project(channel_graph, factors, keep, of, round_to).factors
            assert kept_share(channel_graph, projected, of, round_to) <= keep
            built(projected)


@pytest.mark.parametrize(("keep", "of"), [(0.15, "weights"), (0.3, "macs"), (0.6, "weights")])
def test_no_unit_and_no_connection_fits_any_more_where_both_have_factors(keep, of):
    """Also none of which some connections are on already, which would come back with it."""
    channel_graph = ChannelGraph(chain())
    factors = drawn_factors(channel_graph, "both", seed=int(10 * keep))
    check_nothing_further_fits(channel_graph, factors, of, keep, 1)


def test_a_path_leads_through_what_is_kept():
    """The strongest connections belong to units that are not: alone they would connect nothing."""
    channel_graph = ChannelGraph(chain())
    factors = drawn_factors(channel_graph, "both", off=0)
    factors["first"][:] = [1, 1, 1, 1, 1, 9]
    factors["first/connections"][:] = 1
    factors["first/connections"][2, 4] = 3  # To another one: 3 * 1 is weaker than 1 * 9.
    path = connected_path(channel_graph, factors)
    assert np.flatnonzero(path["first"]).tolist() == [5]
    assert path["first/connections"][:, 5].sum() == path["first/connections"].sum() == 1
    assert path["second/connections"][5].sum() == 1
    # A head that reads nothing of it leads back to what it reads.
    factors["second/connections"][5] = 0
    path = connected_path(channel_graph, factors)
    (unit,) = np.flatnonzero(path["first"])
    assert unit != 5
    assert path["second/connections"][unit].sum() == 1


def test_the_strongest_stay():
    channel_graph = ChannelGraph(chain())
    factors = {
        "first": np.array([0.1, 0.9, 0.2, 0.8, 0.3, 0.7], "float32"),
        "second": np.array([1, 1.1, 1.2, 1.3, 1.4, 1.5], "float32"),
    }
    # Of 30 + 36 + 18 = 84 weights 50: with all of second, 11 for each of first: (50 - 18) / 11.
    projected = project(channel_graph, factors, 0.6, "weights")
    assert np.flatnonzero(projected.factors["first"]).tolist() == [1, 3]
    assert np.flatnonzero(projected.factors["second"]).tolist() == list(range(6))
    assert (projected.number, projected.of) == (4, 12)
    assert projected.largest == pytest.approx(0.7)


def test_factors_that_meet_the_budget_stay_as_they_are():
    channel_graph = ChannelGraph(chain())
    factors = {"first": np.array([0, 0, 0, 0, 0, 2.0], "float32")}
    projected = project(channel_graph, factors, 0.9, "weights")
    assert np.array_equal(projected.factors["first"], factors["first"])
    assert (projected.number, projected.largest) == (0, 0.0)


def test_what_cannot_be_met_says_the_least():
    channel_graph = ChannelGraph(chain())
    with pytest.raises(ValueError, match=r"cannot be met by these factors.*at least 0\.4643"):
        # With one of second, 5 * 6 + 6 + 3 of 84.
        project(channel_graph, {"second": np.ones(6, "float32")}, 0.2, "weights")


def test_what_widths_in_multiples_keep_from_being_met_is_named():
    channel_graph = ChannelGraph(chain())
    factors = {"first": np.ones(6, "float32")}
    said = r"widths in multiples of 4, .* remain\. Ask for .*, or for a smaller round_to than 4\."
    with pytest.raises(ValueError, match=said):
        project(channel_graph, factors, 0.5, "weights", 4)


@pytest.mark.parametrize("connections", [False, True, "both"])
def test_a_model_compacts_within_a_budget_that_training_has_not_reached(connections):
    model = ks.SwitcherModel(with_random_weights(mlp(16)), connections=connections)
    budget = ks.Budget(0.4)
    small = model.compact(budget=budget)
    plan = model.plan(budget=budget)
    structure = model.structure(budget=budget)
    assert 1 - structure.removed("weights") <= 0.4 < 1 - structure.removed("weights") + 0.1
    assert "Projected to a budget of 40.00% of the weights" in str(structure)
    x = draw_inputs(model.task)
    np.testing.assert_allclose(plan.apply(model.task)(x), small(x), rtol=1e-5, atol=1e-6)
    assert model.structure().removed("weights") == 0  # The model itself has all of them.


def test_rounding_is_within_the_budget():
    model = ks.SwitcherModel(with_random_weights(convnet()), groups="conv")
    budget = ks.Budget(0.75, of="macs")
    small = model.compact(round_to=2, budget=budget)
    assert ks.count_macs(small).total <= 0.75 * ks.count_macs(model.task).total
    assert small.get_layer("second").filters % 2 == 0


def test_the_optimizer_comes_along():
    model = ks.SwitcherModel(with_random_weights(convnet()))
    model.compile("adam", "mse")
    small = model.compact(optimizer=True, budget=ks.Budget(0.5))
    assert isinstance(small.optimizer, keras.optimizers.Adam)
    x = draw_inputs(model.task)
    plain = model.compact(budget=ks.Budget(0.5))
    np.testing.assert_allclose(small(x), plain(x), rtol=1e-4, atol=1e-5)


def test_bad_budgets_are_refused():
    model = ks.SwitcherModel(mlp())
    with pytest.raises(ValueError, match=r"`budget` must be None or a keras_switcher\.Budget"):
        model.compact(budget=0.5)
    with pytest.raises(ValueError, match="cannot bring the weights down to"):
        model.plan(budget=ks.Budget(0.01))
    with pytest.raises(ValueError, match="`round_to` must be a positive integer"):
        model.plan(round_to=0, budget=ks.Budget(0.5))


# Found by drawing: slices that layers need beside, inputs, which are not rounded, and fillers.
@pytest.mark.parametrize(
    ("blocks", "early", "flat", "stem", "drawn", "of", "keep", "round_to", "seed"),
    [
        (
            [("_separable", 2), ("_bottleneck", 5), ("_split", 4), ("_separable", 5)],
            *(True, False, 4, 930, "macs", 0.5761072762348566, 1, 36),
        ),
        ([("_residual", 2)], False, True, 0, 0, "weights", 0.5, 2, 1),
        ([("_grouped", 4)], False, False, 4, 0, "weights", 0.375, 2, 89),
    ],
)
def test_what_drawing_has_found(blocks, early, flat, stem, drawn, of, keep, round_to, seed):
    made = [(getattr(drawn_graphs, name), width) for name, width in blocks]
    channel_graph = ChannelGraph(build(stem, made, early, flat, drawn))
    factors = drawn_factors(channel_graph, seed=seed)
    check_nothing_further_fits(channel_graph, factors, of, keep, round_to)


def test_inputs_that_stay_are_those_that_a_kept_channel_arrives_at():
    """The strongest channel and the strongest input, of another one, would leave nothing at all."""
    inputs = keras.Input((4,))
    joined = layers.Concatenate()([layers.Dense(2, name=name)(inputs) for name in "ab"])
    task = keras.Model(inputs, layers.Dense(2, name="c")(joined))
    channel_graph = ChannelGraph(task)
    factors = {"a": [2.0, 1], "b": [2.0, 1], "c/inputs": [1, 3.0, 1, 3]}
    factors = {name: np.array(values, "float32") for name, values in factors.items()}
    # Of 24 weights four make each of two channels, since a concatenation needs both, and four read.
    with pytest.raises(ValueError, match=r"50\.00% remain"):
        project(channel_graph, factors, 0.2, "weights")
    projected = project(channel_graph, factors, 0.5, "weights").factors
    assert remaining(channel_graph, plan_removal(channel_graph, projected))["weights"] == 12
