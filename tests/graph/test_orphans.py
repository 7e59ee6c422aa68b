"""Units that lost their connections go, and nothing else changes."""

import keras
import numpy as np
import pytest
from checks import check_close, check_independent, check_plain, draw_inputs, randomise
from hypothesis import assume, given
from hypothesis import strategies as st
from keras import layers

from keras_switcher import PruningPlan, Structure
from keras_switcher.graph.anatomy import Anatomy
from keras_switcher.graph.compaction import compact
from keras_switcher.graph.planning import plan_removal


def chain(sizes=(5, 6, 4, 3), bias=True, activation="tanh"):
    """A chain of Dense layers `dense_1`, ...; all weights are random."""
    parts = [
        layers.Dense(n, activation, use_bias=bias, name=f"dense_{i}")
        for i, n in enumerate(sizes[1:], 1)
    ]
    return randomise(keras.Sequential([keras.Input((sizes[0],)), *parts]))


def by_hand(model, factors):
    """A copy whose kernels are multiplied with the factors."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for name, matrix in factors.items():
        layer = copy.get_layer(name.removesuffix("/connections"))
        layer.kernel.assign(layer.kernel * matrix)
    return copy


def ones(model):
    """Factors of one for every connection."""
    return {
        f"{layer.name}/connections": np.ones(layer.kernel.shape, "float32")
        for layer in model.layers
        if isinstance(layer, layers.Dense)
    }


def check(model, factors, round_to=1):
    """The compact model computes what the copy by hand does, and is counted as it is.

    Returns:
        The compact model and the plan.
    """
    anatomy = Anatomy(model)
    plan = plan_removal(anatomy, factors, round_to)
    small = compact(anatomy, plan)
    x = draw_inputs(model)
    check_close(small(x), by_hand(model, factors)(x))
    assert Structure(anatomy, list(factors), plan).after["parameters"] == small.count_params()
    return small, plan


def units(model):
    return [layer.units for layer in model.layers if isinstance(layer, layers.Dense)]


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


def test_a_unit_that_reads_nothing_becomes_part_of_the_next_bias():
    model = chain()
    factors = ones(model)
    factors["dense_1/connections"][:, 3] = 0
    small, plan = check(model, factors)
    assert units(small) == [5, 4, 3]
    assert plan.groups["dense_1"].constant.tolist() == [False] * 3 + [True] + [False] * 2
    first, second = model.layers[:2]
    constant = np.tanh(first.bias[3])
    np.testing.assert_allclose(
        small.get_layer("dense_2").bias, second.bias + constant * second.kernel[3], rtol=1e-5
    )


def test_factors_act_on_what_a_constant_contributes():
    model = chain()
    factors = ones(model)
    factors["dense_1/connections"][:, 3] = 0
    factors["dense_2/connections"][3] = [0, 0.5, 2, 0]
    check(model, factors)


def test_a_constant_that_feeds_a_constant():
    model = chain()
    factors = ones(model)
    factors["dense_1/connections"][:, 0] = 0
    factors["dense_2/connections"][1:, 2] = 0  # Unit 2 of dense_2 reads unit 0 alone.
    small, plan = check(model, factors)
    assert units(small) == [5, 3, 3]
    assert plan.groups["dense_2"].constant.sum() == 1


@pytest.mark.parametrize("round_to", [2, 4])
def test_constants_that_rounding_keeps_are_read_and_not_folded(round_to):
    model = chain((4, 8, 8, 3))
    factors = ones(model)
    factors["dense_1/connections"][:, [0, 5]] = 0
    # Unit 2 of dense_2 reads one constant that rounding may keep, unit 6 both.
    factors["dense_2/connections"][:, [2, 6]] = 0
    factors["dense_2/connections"][[5, 0, 5], [2, 6, 6]] = 1
    for first in (1, 0.01):  # Rounding keeps the units with the largest weights.
        kernel = model.layers[0].kernel
        kernel.assign(kernel * np.where(np.arange(8) == 0, first, 1))
        small, _ = check(model, factors, round_to)
        assert all(size % round_to == 0 for size in units(small)[:2])


def test_a_layer_without_bias_gets_one_where_a_constant_is_folded():
    inputs = keras.Input((4,))
    x = layers.Dense(5, "sigmoid", use_bias=False, name="dense_1")(inputs)
    outputs = layers.Dense(2, use_bias=False, name="dense_2")(x)
    model = randomise(keras.Model(inputs, outputs))
    factors = ones(model)
    factors["dense_1/connections"][:, 1] = 0  # sigmoid(0) = .5
    small, _ = check(model, factors)
    assert not small.get_layer("dense_1").use_bias
    np.testing.assert_allclose(
        small.get_layer("dense_2").bias, 0.5 * model.get_layer("dense_2").kernel[1], rtol=1e-5
    )
    check_plain(small, draw_inputs(model))
    check_independent(model, small, draw_inputs(model))


def test_raw_inputs_that_nothing_reads_are_dropped():
    model = chain()
    factors = ones(model)
    factors["dense_1/connections"][[0, 4]] = 0
    small, plan = check(model, factors)
    assert small.get_layer("dense_1").kernel.shape == (3, 6)
    assert plan.groups["dense_1/inputs"].keep.tolist() == [False, True, True, True, False]


def test_normalisation_and_activations_on_the_way_of_a_constant():
    inputs = keras.Input((4,))
    x = layers.Dense(6, name="dense_1")(inputs)
    x = layers.LeakyReLU()(layers.BatchNormalization()(x))
    outputs = layers.Dense(3, name="dense_2")(layers.Dropout(0.5)(x))
    model = randomise(keras.Model(inputs, outputs))
    factors = ones(model)
    factors["dense_1/connections"][:, [1, 5]] = 0
    assert units(check(model, factors)[0]) == [4, 3]


def test_a_sequence_of_vectors():
    inputs = keras.Input((7, 4))
    x = layers.Dense(6, "tanh", name="dense_1")(inputs)
    model = randomise(keras.Model(inputs, layers.Dense(3, name="dense_2")(x)))
    factors = ones(model)
    factors["dense_1/connections"][:, 2] = 0
    assert units(check(model, factors)[0]) == [5, 3]


def _positions(x):
    return x + np.random.default_rng(3).normal(size=(7, 6)).astype("float32")


def _slopes(x):
    return layers.PReLU()(x)


def _normalised(x):
    return layers.LayerNormalization(axis=1)(x)


@pytest.mark.parametrize("between", [_positions, _slopes, _normalised])
def test_a_constant_stays_where_it_differs_by_position(between):
    inputs = keras.Input((7, 4))
    x = layers.Dense(6, "tanh", name="dense_1")(inputs)
    model = randomise(keras.Model(inputs, layers.Dense(3, name="dense_2")(between(x))))
    factors = ones(model)
    factors["dense_1/connections"][:, 2] = 0
    assert units(check(model, factors)[0]) == [6, 3]


def test_a_plan_for_other_weights_does_not_fold_what_differs_by_position():
    inputs = keras.Input((7, 4))
    x = layers.PReLU(name="slopes")(layers.Dense(6, name="dense_1")(inputs))
    model = randomise(keras.Model(inputs, layers.Dense(3, name="dense_2")(x)))
    slopes = model.get_layer("slopes").alpha
    drawn = np.array(slopes)
    slopes.assign(drawn[:1] * np.ones((7, 1)))
    model.layers[1].bias.assign(-np.ones(6))
    factors = ones(model)
    factors["dense_1/connections"][:, 2] = 0
    small, plan = check(model, factors)
    assert units(small) == [5, 3]
    slopes.assign(drawn)
    with pytest.raises(ValueError, match="'dense_1' that read nothing any more differ by position"):
        plan.apply(model)


def test_what_is_not_defined_at_zero_does_not_reach_constants():
    inputs = keras.Input((4,))
    x = layers.Dense(6, "tanh", name="dense_1")(keras.ops.log(inputs * inputs))
    model = randomise(keras.Model(inputs, layers.Dense(3, name="dense_2")(x)))
    factors = ones(model)
    factors["dense_1/connections"][:, 2] = 0
    assert units(check(model, factors)[0]) == [5, 3]


def test_constants_that_are_not_finite_are_refused():
    inputs = keras.Input((4,))
    x = keras.ops.log(layers.Dense(6, name="dense_1")(inputs))
    model = randomise(keras.Model(inputs, layers.Dense(3, name="dense_2")(x)))
    model.layers[1].bias.assign(np.zeros(6))
    factors = ones(model)
    factors["dense_1/connections"][:, 2] = 0
    with pytest.raises(ValueError, match="'dense_1' that read nothing any more are not finite"):
        compact(Anatomy(model), plan_removal(Anatomy(model), factors))


def _added(x):
    return layers.Add()([x, layers.Dense(6, name="other")(x)])


def _read_twice(x):
    shared = layers.Dense(6, name="shared")
    return layers.Concatenate()([shared(x), shared(layers.ReLU()(x))])


def _convolved(x):
    return layers.Flatten()(layers.Conv1D(2, 1)(layers.Reshape((1, 6))(x)))


@pytest.mark.parametrize("follows", [_added, _read_twice, _convolved])
def test_a_constant_stays_where_no_bias_can_take_it_in(follows):
    inputs = keras.Input((4,))
    x = layers.Dense(6, "tanh", name="dense_1")(inputs)
    model = randomise(keras.Model(inputs, layers.Dense(3, name="dense_2")(follows(x))))
    factors = {"dense_1/connections": np.ones((4, 6), "float32")}
    factors["dense_1/connections"][:, 2] = 0
    small, plan = check(model, factors)
    assert small.get_layer("dense_1").units == 6
    assert not any(group.constant.any() for group in plan.groups.values())


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_network_that_reads_nothing_is_refused(number):
    model = chain()
    factors = ones(model)
    factors[f"dense_{number}/connections"][:] = 0
    with pytest.raises(ValueError, match=f"Nothing is left of 'dense_{number}/connections'"):
        compact(Anatomy(model), plan_removal(Anatomy(model), factors))


def test_the_plan_of_connections_survives_its_file(tmp_path):
    model = chain()
    factors = ones(model)
    factors["dense_1/connections"][:, 3] = 0
    factors["dense_2/connections"][1:3, 1] = [0, 0.25]
    plan = plan_removal(Anatomy(model), factors)
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
    anatomy = Anatomy(model)
    plan = plan_removal(anatomy, factors)
    assume(all(group.keep.any() for group in plan.groups.values()))
    small, plan = check(model, factors)
    left = sum(np.count_nonzero(layer.kernel) for layer in small.layers if hasattr(layer, "units"))
    assert Structure(anatomy, list(factors), plan).after["weights"] == left
    for layer in small.layers:
        if hasattr(layer, "units"):
            assert np.any(layer.kernel, axis=1).all()  # Each input is read by some unit.
            last = layer.name == f"dense_{len(sizes) - 1}"
            assert last or np.any(layer.kernel, axis=0).all()  # Each unit reads something.
