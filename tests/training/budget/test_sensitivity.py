"""How much the task's loss depends on each factor, as training sees it."""

import keras
import numpy as np
import pytest
from helpers.toys import crossentropy
from hypothesis import given
from hypothesis import strategies as st
from keras import layers, ops
from sklearn.datasets import load_digits

from keras_switcher import Budget, SwitcherModel
from keras_switcher.graph.groups import ChannelGroup
from keras_switcher.training.budget.sensitivity import DECAY, Sensitivities

GROUP = ChannelGroup("group", 3)


def seen(*gradients):
    sensitivities = Sensitivities([GROUP])
    for gradient in gradients:
        sensitivities.see({"group": ops.convert_to_tensor(gradient, "float32")})
    return sensitivities.normalized()["group"]


def test_nothing_seen_relies_on_all_alike():
    np.testing.assert_allclose(seen(), [0.5, 0.5, 0.5])
    np.testing.assert_allclose(seen([0.0, 0.0, 0.0]), [0.5, 0.5, 0.5])


def test_a_mean_one_is_relied_on_by_half_and_one_without_a_gradient_not_at_all():
    np.testing.assert_allclose(seen([-2.0, 4.0, 0.0]), [0.5, 4 / 6, 0.0], rtol=1e-6)


@given(st.lists(st.floats(-9, 9, width=32), min_size=3, max_size=3), st.floats(0.01, 1e4))
def test_units_of_the_loss_do_not_matter(gradient, unit):
    if max(map(abs, gradient)) > 1e-3:
        np.testing.assert_allclose(
            seen(gradient), seen(np.array(gradient) * unit), rtol=1e-4, atol=1e-6
        )


def test_batches_fade_by_their_age():
    mean = np.array([1.0, 2.0, 3.0])
    for batch in ([3.0, 0.0, 0.0], [0.0, 0.0, 6.0]):
        mean = DECAY * mean + (1 - DECAY) * np.array(batch)
    found = seen([1.0, -2.0, 3.0], [-3.0, 0.0, 0.0], [0.0, 0.0, 6.0])
    np.testing.assert_allclose(found, mean / (mean + mean.mean()), rtol=1e-5)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_gradients_that_are_not_finite_are_passed_over(bad):
    np.testing.assert_allclose(seen([1.0, 2.0, 3.0], [1.0, bad, 0.0]), seen([1.0, 2.0, 3.0]))


def test_pixels_that_are_always_zero_are_lost_and_others_stay():
    """Where a budget leaves room for them only, though the weights of the zeros say nothing."""
    digits = load_digits()
    x, y = (digits.data / 16.0).astype("float32"), digits.target
    x = np.concatenate([x, np.zeros((len(x), 64), "float32")], axis=1)
    keras.utils.set_random_seed(0)
    task = keras.Sequential(
        [keras.Input((128,)), layers.Dense(32, "relu", name="hidden"), layers.Dense(10)]
    )
    kernel = task.get_layer("hidden").kernel
    kernel.assign(ops.concatenate([kernel[:64], 3 * kernel[64:]]))
    budget = Budget(0.3, end_epoch=6)
    model = SwitcherModel(task, groups="dense", alternation="joint", budget=budget)

    def sgd(rate, **kwargs):
        falling = keras.optimizers.schedules.CosineDecay(rate, 8 * 29)
        return keras.optimizers.SGD(falling, 0.9, weight_decay=0.003, **kwargs)

    model.compile(sgd(0.1), crossentropy(), switcher_optimizer=sgd(0.005, global_clipnorm=1.0))
    model.fit(x, y, 64, 8, verbose=0)
    kept = model.scaling_factors()["hidden/inputs"] > 0
    assert kept[64:].sum() <= 2
    assert kept[:64].sum() >= 40


def test_a_file_has_what_was_seen(tmp_path):
    task = keras.Sequential([keras.Input((3,)), layers.Dense(4, name="hidden"), layers.Dense(2)])
    model = SwitcherModel(task)
    name = "hidden"
    model.sensitivities.see({name: ops.convert_to_tensor([1.0, 2.0, 0.0, 1.0])})
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.sensitivities.normalized()[name], [0.5, 2 / 3, 0.0, 0.5])
