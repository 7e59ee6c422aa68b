"""RowSwitcher on connections: what it must not depend on, and where it starts."""

import keras
import numpy as np
import pytest
from helpers.gradients import gradient_of
from helpers.toys import float64, float64_error, mlp, randomize, values
from keras import layers

from keras_switcher import SwitcherModel
from keras_switcher.switchers import RowSwitcher


def factors(task, start="near_one", weights=None):
    """The factors of `hidden`, and the switcher's weights."""
    model = SwitcherModel(task, RowSwitcher(start=start), groups=["hidden"], connections=True)
    if weights is None:
        randomize(model.switcher.trainable_variables, 0.3)
        model.switcher.of_connections.gamma.assign(0.4)
        model.switcher.of_connections.beta.assign(2.0)
        weights = model.switcher.get_weights()
    model.switcher.set_weights(weights)
    return np.asarray(model.factors()["hidden/connections"]), weights


def with_kernel(kernel):
    task = mlp(kernel.shape[1])
    task.get_layer("hidden").kernel.assign(kernel)
    return task


@pytest.mark.parametrize("axis", [0, 1])
def test_permuting_units_permutes_factors(axis):
    random = np.random.default_rng(0)
    with float64():
        kernel = random.normal(size=(4, 9))
        order = random.permutation(kernel.shape[axis])
        before, weights = factors(with_kernel(kernel))
        after, _ = factors(with_kernel(kernel.take(order, axis)), weights=weights)
    assert np.ptp(before) > 0.1
    np.testing.assert_allclose(after, before.take(order, axis), rtol=float64_error(1e-9))


def test_rescaling_and_signs_change_nothing():
    random = np.random.default_rng(0)
    with float64():
        kernel = random.normal(size=(4, 9))
        before, weights = factors(with_kernel(kernel))
        changed = 7 * kernel * random.choice([-1, 1], kernel.shape)
        after, _ = factors(with_kernel(changed), weights=weights)
    np.testing.assert_allclose(after, before, rtol=1e-6)


def test_rows_and_columns_matter():
    """Two weights of one size have other factors if their rows or columns have other sizes."""
    kernel = np.ones((4, 9), "float32")
    kernel[0] *= 3
    kernel[:, 1] *= 2
    kernel[0, 5], kernel[2, 1], kernel[3, 5] = 1, 1, 1
    made, _ = factors(with_kernel(kernel))
    assert len({round(float(made[place]), 4) for place in [(0, 5), (2, 1), (3, 5)]}) == 3


def test_scores_have_mean_beta_and_spread_gamma():
    """Whatever the weights of the switcher add to rows and columns."""
    with float64():
        kernel = np.random.default_rng(0).normal(size=(40, 90)) * np.linspace(1, 9, 90)
        task = keras.Sequential(
            [keras.Input((40,)), layers.Dense(90, name="hidden"), layers.Dense(2)]
        )
        task.layers[0].kernel.assign(kernel)
        switcher = RowSwitcher(ceiling=None)
        model = SwitcherModel(task, switcher, groups=["hidden"], connections=True)
        randomize(switcher.trainable_variables, 0.3)
        switcher.of_connections.level.kernel.assign([[0.0]] * 4)
        switcher.of_connections.gamma.assign(0.4)
        switcher.of_connections.beta.assign(9.0)  # So far above zero that none is cut.
        made = np.asarray(model.factors()["hidden/connections"])
    assert made.mean() == pytest.approx(9)
    assert made.std() == pytest.approx(0.4)
    assert made.mean(0).std() > 0.01
    assert made.mean(1).std() > 0.01


@pytest.mark.parametrize(
    ("start", "mean", "spread", "zeros"),
    [("near_one", 1, 0.3, 0), ("one", 1, 0, 0), ("half_zeros", None, None, 0.55)],
)
def test_start(start, mean, spread, zeros):
    switcher = RowSwitcher(start=start, ceiling=None)
    model = SwitcherModel(mlp(300), switcher, connections=True, groups=["hidden"])
    made = model.scaling_factors()["hidden/connections"]
    assert np.mean(made == 0) == pytest.approx(zeros, abs=0.1)
    if mean is not None:
        assert made.mean() == pytest.approx(mean, abs=0.02)
        assert made.std() == pytest.approx(spread, abs=0.02)


def test_the_number_of_parameters_does_not_depend_on_the_network():
    counts = {
        SwitcherModel(mlp(units), connections=True).switcher.count_params() for units in (5, 50)
    }
    assert len(counts) == 1


@pytest.mark.parametrize("start", ["near_one", "half_zeros"])
@pytest.mark.parametrize("inputs", [1, 3, 7, 301])
@pytest.mark.parametrize("value", [0.0, 0.7, 1e-12])
def test_kernels_without_any_spread_give_finite_factors_and_gradients(value, inputs, start):
    task = keras.Sequential(
        [keras.Input((inputs,)), layers.Dense(7, name="flat"), layers.Dense(3, name="head")]
    )
    task.get_layer("flat").kernel.assign(np.full((inputs, 7), value))
    model = SwitcherModel(task, RowSwitcher(start=start), connections=True)
    variables = [*task.trainable_variables, *model.switcher.trainable_variables]
    gradients = gradient_of(lambda variables: model.factors(), variables)
    assert all(
        np.isfinite(found).all() for found in values([*model.factors().values(), *gradients])
    )


@pytest.mark.only("tensorflow", reason="It measures TensorFlow's graphs.")
def test_graphs_grow_with_the_number_of_kernels_alone():
    """No matrix of lines and kernels is written into them, which grows with both."""
    import tensorflow as tf

    def size(kernels):
        task = keras.Sequential([keras.Input((64,)), *(layers.Dense(64) for _ in range(kernels))])
        model = SwitcherModel(task, RowSwitcher(), connections=True)
        graph = tf.function(model.factors).get_concrete_function(training=True).graph
        return graph.as_graph_def().ByteSize()

    assert size(16) < 4 * size(4)
