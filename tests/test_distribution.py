"""MirroredStrategy: two replicas train as one device does."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from toys import data, float64, furthest, mlp, same, switched, values

from keras_switcher import Budget


@pytest.fixture(scope="module")
def mirrored():
    """One for all tests: TensorFlow mixes up the collectives of a second one."""
    devices = tf.config.list_logical_devices("CPU")
    assert len(devices) >= 2, "tests/conftest.py makes two"
    return tf.distribute.MirroredStrategy([device.name for device in devices[:2]])


def run(strategy, alternation, **kwargs):
    """Weights, history and predictions of a short run with a budget and a regularizer."""
    x, y = data()
    with strategy.scope():
        keras.utils.set_random_seed(3)
        task = mlp(kernel_regularizer=keras.regularizers.L2(0.01))
        budget = Budget(0.3, start_epoch=0, end_epoch=1e-9)
        model = switched(task, alternation=alternation, budget=budget, **kwargs)
    start = values(model.weights)
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
    history = model.fit(
        dataset, epochs=2, shuffle=False, verbose=0, validation_data=dataset
    ).history
    assert not same(start, model.weights)
    results = model.evaluate(dataset, verbose=0, return_dict=True)
    return values(model.weights), history, results, model.predict(x, verbose=0), model(x)


EPOCH = pytest.param("epoch", marks=pytest.mark.long)  # The two turns of "batch", epoch by epoch.


@pytest.mark.parametrize("alternation", ["batch", "joint", EPOCH])
def test_two_replicas_train_like_one(alternation, mirrored):
    with float64():  # Replicas add up in another order, and steep factors enlarge what that costs.
        one, two = run(tf.distribute.get_strategy(), alternation), run(mirrored, alternation)
    assert furthest(one[0], two[0]) < 1e-10
    for name, numbers in one[1].items():
        np.testing.assert_allclose(two[1][name], numbers, atol=1e-5, err_msg=name)
    for name, number in one[2].items():
        assert two[2][name] == pytest.approx(number, abs=1e-5), name
    np.testing.assert_allclose(two[3], one[3], atol=1e-5)
    np.testing.assert_allclose(two[3], two[4], atol=1e-5)
