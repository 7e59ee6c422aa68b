"""Two devices of JAX train as one device does; distributions that split weights are refused."""

import keras
import numpy as np
import pytest
from helpers.toys import data, fit, float64, furthest, mlp, same, started, switched, values

from keras_switcher import Budget
from keras_switcher.switchers import L0

DISTRIBUTION = keras.distribution
pytestmark = pytest.mark.only("jax", reason="DataParallel is Keras's engine for JAX.")


def run(alternation):
    """Weights, history, predictions and the compact network of a run under a budget."""
    x, y = data()
    keras.utils.set_random_seed(3)
    task = mlp(kernel_regularizer=keras.regularizers.L2(0.01))
    budget = Budget(0.3, start_epoch=0, end_epoch=1e-9)
    model = switched(task, alternation=alternation, budget=budget)
    model.budget_progress.was_trained.assign(1.0)  # The budget does not wait.
    options = {"epochs": 2, "shuffle": False, "verbose": 0, "validation_data": (x, y)}
    history = model.fit(x, y, batch_size=8, **options).history
    learned = values([*model.task.weights, *model.switcher.weights])
    return learned, history, model.predict(x, verbose=0), model.scaling_factors(), model.compact()


@pytest.mark.parametrize("alternation", ["joint", "batch"])
def test_two_devices_train_like_one(alternation):
    devices = DISTRIBUTION.list_devices("cpu")
    assert len(devices) >= 2, "tests/conftest.py makes two"
    with float64():
        one = run(alternation)
        with DISTRIBUTION.DataParallel(devices=devices[:2]).scope():
            two = run(alternation)
    assert furthest(one[0], two[0]) < 1e-10
    for name, numbers in one[1].items():
        np.testing.assert_allclose(two[1][name], numbers, atol=1e-5, err_msg=name)
    np.testing.assert_allclose(two[2], one[2], atol=1e-8)
    for name, factors in one[3].items():
        np.testing.assert_allclose(two[3][name], factors, atol=1e-10)
    assert furthest(one[4].weights, two[4].weights) < 1e-8


def test_noise_and_losses_of_a_switcher_are_those_of_one_device():
    """Devices draw the same factors, and add up one loss."""
    x, y = data()

    def run():
        model = started(switcher=L0(strength=3.0, samples=32, seed=1))
        fit(model, x, y, batch_size=8)
        return values([*model.task.weights, *model.switcher.weights])

    with float64():
        one = run()
        with DISTRIBUTION.DataParallel(devices=DISTRIBUTION.list_devices("cpu")[:2]).scope():
            two = run()
    assert furthest(one, two) < 1e-10


def test_a_distribution_that_splits_weights_is_refused():
    devices = DISTRIBUTION.list_devices("cpu")[:2]
    layout = DISTRIBUTION.LayoutMap(DISTRIBUTION.DeviceMesh((2, 1), ("batch", "model"), devices))
    model = switched()
    before = values(model.variables)
    splitting = DISTRIBUTION.ModelParallel(layout_map=layout, batch_dim_name="batch")
    with splitting.scope(), pytest.raises(ValueError, match=r"type ModelParallel.*DataParallel"):
        model.fit(*data(), verbose=0)
    assert same(before, model.variables)
