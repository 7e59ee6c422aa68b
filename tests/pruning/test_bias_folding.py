"""What units without inputs compute goes into biases, where one can take it in."""

import keras
import numpy as np
import pytest
from helpers.checks import check_independent, check_plain, draw_inputs, with_random_weights
from helpers.cutting import chain, check, ones, units
from keras import layers

from keras_switcher import PruningPlan
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.planning import plan_removal
from keras_switcher.pruning.surgery import compact


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
    model = with_random_weights(keras.Model(inputs, outputs))
    factors = ones(model)
    factors["dense_1/connections"][:, 1] = 0  # sigmoid(0) = .5
    small, _ = check(model, factors)
    assert not small.get_layer("dense_1").use_bias
    np.testing.assert_allclose(
        small.get_layer("dense_2").bias, 0.5 * model.get_layer("dense_2").kernel[1], rtol=1e-5
    )
    check_plain(small, draw_inputs(model))
    check_independent(model, small, draw_inputs(model))


def test_normalisation_and_activations_on_the_way_of_a_constant():
    inputs = keras.Input((4,))
    x = layers.Dense(6, name="dense_1")(inputs)
    x = layers.LeakyReLU()(layers.BatchNormalization()(x))
    outputs = layers.Dense(3, name="dense_2")(layers.Dropout(0.5)(x))
    model = with_random_weights(keras.Model(inputs, outputs))
    factors = ones(model)
    factors["dense_1/connections"][:, [1, 5]] = 0
    assert units(check(model, factors)[0]) == [4, 3]


def test_a_sequence_of_vectors():
    inputs = keras.Input((7, 4))
    x = layers.Dense(6, "tanh", name="dense_1")(inputs)
    model = with_random_weights(keras.Model(inputs, layers.Dense(3, name="dense_2")(x)))
    factors = ones(model)
    factors["dense_1/connections"][:, 2] = 0
    assert units(check(model, factors)[0]) == [5, 3]


def _positions(x):
    return x + np.random.default_rng(3).normal(size=(7, 6)).astype("float32")


def _slopes(x):
    return layers.PReLU()(x)


def _normalised(x):
    return layers.LayerNormalization(axis=1)(x)


OF_POSITIONS = pytest.mark.only(
    "tensorflow", "jax", reason="Under PyTorch Keras normalises the last axes alone."
)


@pytest.mark.parametrize(
    "between", [_positions, _slopes, pytest.param(_normalised, marks=OF_POSITIONS)]
)
def test_a_constant_stays_where_it_differs_by_position(between):
    inputs = keras.Input((7, 4))
    x = layers.Dense(6, "tanh", name="dense_1")(inputs)
    model = with_random_weights(keras.Model(inputs, layers.Dense(3, name="dense_2")(between(x))))
    factors = ones(model)
    factors["dense_1/connections"][:, 2] = 0
    assert units(check(model, factors)[0]) == [6, 3]


def test_a_plan_for_other_weights_does_not_fold_what_differs_by_position():
    inputs = keras.Input((7, 4))
    x = layers.PReLU(name="slopes")(layers.Dense(6, name="dense_1")(inputs))
    model = with_random_weights(keras.Model(inputs, layers.Dense(3, name="dense_2")(x)))
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
        PruningPlan.of(plan).apply(model)


def test_what_is_not_defined_at_zero_does_not_reach_constants():
    inputs = keras.Input((4,))
    x = layers.Dense(6, "tanh", name="dense_1")(keras.ops.log(inputs * inputs))
    model = with_random_weights(keras.Model(inputs, layers.Dense(3, name="dense_2")(x)))
    factors = ones(model)
    factors["dense_1/connections"][:, 2] = 0
    assert units(check(model, factors)[0]) == [5, 3]


def test_constants_that_are_not_finite_are_refused():
    inputs = keras.Input((4,))
    x = keras.ops.log(layers.Dense(6, name="dense_1")(inputs))
    model = with_random_weights(keras.Model(inputs, layers.Dense(3, name="dense_2")(x)))
    model.layers[1].bias.assign(np.zeros(6))
    factors = ones(model)
    factors["dense_1/connections"][:, 2] = 0
    with pytest.raises(ValueError, match="'dense_1' that read nothing any more are not finite"):
        compact(ChannelGraph(model), plan_removal(ChannelGraph(model), factors))


def _added(x):
    return layers.Add()([x, layers.Dense(6, name="other")(x)])


def _read_twice(x):
    shared = layers.Dense(6, name="shared")
    return layers.Concatenate()([shared(x), shared(layers.ReLU()(x))])


def _convolved(x):
    return layers.Flatten()(layers.Conv1D(2, 1)(layers.Reshape((1, 6))(x)))


def _trained(x):
    return layers.BatchNormalization()(x, training=True)


@pytest.mark.parametrize("follows", [_added, _read_twice, _convolved, _trained])
def test_a_constant_stays_where_no_bias_can_take_it_in(follows):
    inputs = keras.Input((4,))
    x = layers.Dense(6, "tanh", name="dense_1")(inputs)
    model = with_random_weights(keras.Model(inputs, layers.Dense(3, name="dense_2")(follows(x))))
    factors = {"dense_1/connections": np.ones((4, 6), "float32")}
    factors["dense_1/connections"][:, 2] = 0
    small, plan = check(model, factors)
    assert small.get_layer("dense_1").units == 6
    assert not any(group.constant.any() for group in plan.groups.values())


def test_a_plan_whose_constants_no_bias_can_take_in_is_refused():
    inputs = keras.Input((4,))
    x = _trained(layers.Dense(6, "tanh", name="dense_1")(inputs))
    model = with_random_weights(keras.Model(inputs, layers.Dense(3, name="dense_2")(x)))
    cut, whole = np.ones((4, 6), "float32"), np.ones((6, 3), "float32")
    cut[:, 2] = 0
    factors = {"dense_1/connections": cut, "dense_2/connections": whole}
    plan = PruningPlan.of(plan_removal(ChannelGraph(model), factors))
    group = plan.groups["dense_1"]
    group.constant[2], group.keep[2] = True, False
    with pytest.raises(ValueError, match="the bias of 'dense_2' cannot take them in"):
        plan.apply(model)
