"""Two replicas of a MirroredStrategy train as one device does; other strategies are refused."""

import contextlib

import keras
import numpy as np
import pytest
from helpers.lengths import long_but
from helpers.toys import data, fit, float64, furthest, mlp, same, started, switched, values

tf = pytest.importorskip("tensorflow")

from keras_switcher import Budget
from keras_switcher.switchers import L0

pytestmark = pytest.mark.only("tensorflow", reason="Distribution strategies are TensorFlow's.")


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
    learned = [*model.task.weights, *model.switcher.weights, model.budget_progress.gradients]
    results = model.evaluate(dataset, verbose=0, return_dict=True)
    return values(learned), history, results, model.predict(x, verbose=0), model(x)


# The turns of "epoch" are those of "batch", epoch by epoch.
@pytest.mark.parametrize("alternation", long_but(("batch",), ["batch", "joint", "epoch"]))
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


@pytest.mark.parametrize("alternation", long_but(("joint",), ["joint", "batch"]))
def test_noise_and_losses_of_a_switcher_are_those_of_one_device(alternation, mirrored):
    """Replicas draw the same factors, and add up one loss."""
    x, y = data()
    runs = []
    for strategy in (tf.distribute.get_strategy(), mirrored):
        with float64(), strategy.scope():
            switcher = L0(strength=3.0, samples=32, seed=1)
            model = started(switcher=switcher, alternation=alternation)
            dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
            history = fit(model, dataset, None, batch_size=None, validation_data=dataset)
        runs.append((values(model), history))
    assert furthest(runs[0][0], runs[1][0]) < 1e-10
    for name, numbers in runs[0][1].items():
        np.testing.assert_allclose(runs[1][1][name], numbers, atol=1e-5, err_msg=name)


def test_replicas_see_the_factors_wherever_keras_takes_a_step(mirrored):
    x, y = data(16)
    with mirrored.scope():
        model = switched()
    model.switcher.of_channels.beta.assign(1.5)
    expected = values([model(x)])[0]
    loss = model.evaluate(x, y, verbose=0)
    assert model.test_on_batch(x, y) == pytest.approx(loss, rel=1e-5)
    # Keras passes the whole of a single batch to each replica.
    wanted = {model.predict: expected, model.predict_on_batch: np.tile(expected, (2, 1))}
    for predict, outputs in wanted.items():
        np.testing.assert_allclose(predict(x), outputs, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="outside of evaluate"):
        mirrored.run(model.predict_step, args=(x,))


def test_one_device_that_is_named_trains_like_the_default():
    results = []
    for strategy in (tf.distribute.get_strategy(), tf.distribute.OneDeviceStrategy("CPU:1")):
        with strategy.scope():
            model = started(compiled={"run_eagerly": True})
        results.append((fit(model), values(model)))
    assert results[0][0] == results[1][0]
    assert same(results[0][1], results[1][1])


class Own(tf.distribute.OneDeviceStrategy):
    """A strategy that somebody wrote."""


OTHERS = {
    "MultiWorkerMirroredStrategy": tf.distribute.MultiWorkerMirroredStrategy,
    "CentralStorageStrategy": lambda: tf.distribute.experimental.CentralStorageStrategy(["CPU:0"]),
    "ParameterServerStrategy": None,
    "TPUStrategy": None,
    "Own": lambda: Own("CPU:0"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_strategies_are_refused_in_words(name, monkeypatch):
    make = OTHERS[name]
    with make().scope() if make else contextlib.nullcontext():
        model = switched()
    if make is None:  # It needs machines that are not here.
        strategy = type(name, (), {"scope": contextlib.nullcontext})()
        monkeypatch.setattr(type(model), "distribute_strategy", strategy)
    before = values(model.variables)
    message = f"under a {name}.*these strategies: none, OneDeviceStrategy, MirroredStrategy"
    with pytest.raises(ValueError, match=message):
        model.fit(*data(), epochs=2, verbose=0)
    assert same(before, model.variables)
