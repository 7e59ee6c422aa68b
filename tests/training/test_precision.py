"""fit() in mixed precision, under loss scales and under XLA: the same training."""

from functools import lru_cache

import keras
import numpy as np
import pytest
from helpers.toys import data, fit, furthest, mlp, same, started, switched, values
from keras import layers

from keras_switcher.switchers import FreeFactors
from keras_switcher.training.schedule import BOTH


def smooth():
    """Without the kink of a ReLU, where rounding decides on a sample's whole gradient."""
    task = mlp()
    task.get_layer("hidden").activation = keras.activations.tanh
    return task


@lru_cache
def in_float32(alternation):
    """A model before and after one step, which both policies are compared with."""
    model = started(smooth, alternation=alternation)
    start = {name: values(model.optimizers.variables_of(name)) for name in BOTH}
    fit(model, batch_size=32)
    return start, {name: values(model.optimizers.variables_of(name)) for name in BOTH}


@pytest.mark.parametrize("alternation", ["batch", "joint"])
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_trains_like_float32(policy, alternation):
    start, expected = in_float32(alternation)
    keras.config.set_dtype_policy(policy)
    model = started(smooth, alternation=alternation)
    for name in BOTH:
        assert same(start[name], model.optimizers.variables_of(name))
    fit(model, batch_size=32)
    assert {v.dtype for v in model.switcher.variables} == {"float32"}
    assert {keras.backend.standardize_dtype(f.dtype) for f in model.factors().values()} == {
        "float32"
    }
    assert model.task.layers[0].compute_dtype == policy.removeprefix("mixed_")
    scaled = isinstance(model.switcher_optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")
    for name in BOTH:
        # Against the largest change of a network: one that cancels has few digits in bfloat16.
        found = model.optimizers.variables_of(name)
        assert furthest(expected[name], found) < 0.05 * furthest(start[name], expected[name])


def embedding():
    """A network whose first gradient is sparse."""
    return keras.Sequential(
        [
            keras.Input((4,), dtype="int32"),
            layers.Embedding(5, 3),
            layers.Flatten(),
            layers.Dense(8, "relu"),
            layers.Dense(3),
        ]
    )


def dynamic(scale):
    """SGD under a loss scale that doubles with every update."""
    sgd = keras.optimizers.SGD(0.1)
    return keras.optimizers.LossScaleOptimizer(sgd, scale, dynamic_growth_steps=1)


def fixed(scale):
    return keras.optimizers.SGD(0.1, loss_scale_factor=scale)


@lru_cache
def unscaled(make_task):
    """Weights after training without a loss scale, and the inputs and labels of that."""
    x, y = data()
    x = x if make_task is mlp else np.abs(np.round(x)).clip(0, 4)
    model = started(make_task, alternation="joint")
    fit(model, x, y)
    return x, y, values(model.weights)


@pytest.mark.parametrize("kind", [dynamic, fixed])
@pytest.mark.parametrize("make_task", [mlp, embedding])
def test_loss_scales_of_the_two_optimizers_do_not_mix(make_task, kind):
    x, y, expected = unscaled(make_task)
    optimizers = {"optimizer": kind(8.0), "switcher_optimizer": kind(512.0)}
    model = started(make_task, alternation="joint", compiled=optimizers)
    fit(model, x, y)
    assert furthest(expected, model.weights) < 1e-5


def normalised():
    """A convolution with normalisation and pooling, then a flattened head."""
    return keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.Conv2D(3, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )


@pytest.mark.only("tensorflow", "jax", reason="PyTorch compiles no steps.")
def test_xla_trains_a_convolutional_network_like_plain_execution():
    x, y = data(16, (6, 6, 1))
    plain, jitted = (started(normalised, compiled={"jit_compile": jit}) for jit in (False, True))
    start = values(plain.weights)
    for model in (plain, jitted):
        fit(model, x, y)
    assert furthest(plain.weights, jitted.weights) < 1e-4
    assert furthest(plain.weights, start) > 0.01


def test_losses_are_scaled_for_a_network_of_its_own_policy(tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    task = mlp()
    nested = keras.Sequential([keras.Input((4,)), mlp(), layers.Dense(3, dtype="float32")])
    nested.save(tmp_path / "mixed.keras")
    keras.config.set_dtype_policy("float32")
    for each in (task, keras.models.load_model(tmp_path / "mixed.keras")):
        model = switched(each)
        for optimizer in (model.optimizer, model.switcher_optimizer):
            assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)


def test_one_layer_in_half_precision_leaves_the_inputs_alone():
    parts = [layers.Rescaling(1e-5), layers.Dense(6, dtype="mixed_float16"), layers.Dense(3)]
    model = switched(keras.Sequential([keras.Input((4,)), *parts]), FreeFactors(start="one"))
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    x = np.full((2, 4), 1e5, "float32")
    np.testing.assert_allclose(model(x), model.predict(x, verbose=0), rtol=1e-3)


@pytest.mark.parametrize("alternation", ["batch", "joint"])
def test_a_loss_scale_that_overflows_halves_and_no_weight_moves(alternation):
    x, y = data(8)
    scaled = keras.optimizers.LossScaleOptimizer
    optimizers = [scaled(keras.optimizers.SGD(0.1), 2.0**120) for _ in BOTH]
    compiled = dict(zip(("optimizer", "switcher_optimizer"), optimizers, strict=True))
    model = started(alternation=alternation, compiled=compiled)
    before = values(model.trainable_variables)
    model.train_on_batch(1e20 * x, y)
    assert same(before, model.trainable_variables)
    assert [float(optimizer.dynamic_scale) for optimizer in optimizers] == [2.0**119] * 2
