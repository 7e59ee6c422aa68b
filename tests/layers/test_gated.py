"""A gate scales what each channel contributes, and leaves the rest of the layer alone."""

import keras
import numpy as np
import pytest
from helpers.checks import check_close, with_random_weights
from helpers.gradients import compiled, gradient_of
from keras import layers, ops

from keras_switcher.layers import Gated

LAYERS = {
    "dense": (lambda: layers.Dense(4, activation="tanh"), (5, 6)),
    "dense on sequences": (lambda: layers.Dense(4), (5, 3, 6)),
    "conv 1D": (lambda: layers.Conv1D(4, 3, padding="causal"), (2, 7, 6)),
    "conv 2D": (lambda: layers.Conv2D(4, 3, strides=2, activation="gelu"), (2, 7, 7, 6)),
    "conv 3D": (lambda: layers.Conv3D(4, 2, padding="same"), (2, 3, 4, 5, 6)),
    "channels first": (lambda: layers.Conv2D(4, 2, data_format="channels_first"), (2, 6, 5, 7)),
}
FACTORS = np.array([0, 0.3, 1, 2.5, 0, 1.2], "float32")


def gated(name):
    make, shape = LAYERS[name]
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    gate = Gated(make())
    gate(x, FACTORS)
    return with_random_weights(gate), x


@pytest.mark.parametrize("name", LAYERS)
def test_gating_is_scaling_the_input(name):
    gate, x = gated(name)
    along = FACTORS[:, None, None] if name == "channels first" else FACTORS
    check_close(gate(x, FACTORS), gate.layer(x * along), name)
    check_close(compiled(gate)(x, FACTORS), gate.layer(x * along), name)


@pytest.mark.parametrize("name", LAYERS)
def test_one_factor_per_connection_is_scaling_the_kernel(name):
    gate, x = gated(name)
    matrix = np.random.default_rng(1).uniform(-0.5, 2, (6, 4)).clip(0).astype("float32")
    actual, kernel = gate(x, matrix), gate.layer.kernel
    kernel.assign(kernel * matrix)
    check_close(actual, gate.layer(x), name)


def test_gradients_are_the_closed_form():
    gate, x = gated("dense on sequences")
    pull = np.random.default_rng(2).normal(size=(5, 3, 4)).astype("float32")
    kernel, bias, factor = gradient_of(
        lambda given: gate(x, given[-1]) * pull, [*gate.trainable_variables, FACTORS]
    )
    mixed = np.einsum("bsi,bso->io", x, pull)
    check_close(kernel, FACTORS[:, None] * mixed)
    check_close(bias, pull.sum((0, 1)))
    check_close(factor, (mixed * ops.convert_to_numpy(gate.layer.kernel)).sum(1))
    assert (np.abs(factor)[FACTORS == 0] > 0).all()


def by_hand(policy="float32"):
    """A model in which someone gates a layer."""
    x, factors = keras.Input((6,)), keras.Input(batch_shape=(6,))
    gate = Gated(layers.Dense(3, dtype=policy), name="gate")
    return with_random_weights(keras.Model([x, factors], gate(x, factors)))


def test_round_trips(tmp_path):
    model = by_hand()
    config = model.get_layer("gate").get_config()
    assert Gated.from_config(config).get_config() == config
    model.save(tmp_path / "gated.keras")
    loaded = keras.saving.load_model(tmp_path / "gated.keras")
    x = np.random.default_rng(0).normal(size=(5, 6)).astype("float32")
    np.testing.assert_array_equal(loaded([x, FACTORS]), model([x, FACTORS]))
    assert len(loaded.weights) == len(model.weights) == 2


def test_a_kernel_of_another_name_can_be_gated():
    class Mixer(layers.Layer):
        def build(self, shape):
            self.mixing = self.add_weight(shape=(shape[-1], 4))

        def call(self, inputs):
            return inputs @ self.mixing

    gate, x = Gated(Mixer(), weight="mixing"), np.eye(6, dtype="float32")
    np.testing.assert_array_equal(gate(x, FACTORS), FACTORS[:, None] * gate.layer.mixing)


def test_regularizers_see_the_kernel_without_and_the_outputs_with_factors():
    gate = Gated(layers.Dense(4, kernel_regularizer="l1", activity_regularizer="l2"))
    x = np.ones((5, 6), "float32")
    for factors in (np.ones(6, "float32"), FACTORS):  # The second call leaves nothing of the first.
        outputs = gate(x, factors)
        kernel = 0.01 * np.abs(gate.layer.kernel).sum()
        activity = 0.01 * np.square(outputs).sum() / len(x)
        assert sorted(map(float, gate.losses)) == pytest.approx(sorted([kernel, activity]))


def test_losses_reach_a_model_that_trains():
    x, factors = keras.Input((6,)), keras.Input(batch_shape=(6,))
    gate = Gated(layers.Dense(4, kernel_regularizer="l1", activity_regularizer="l2"))
    model = keras.Model([x, factors], gate(x, factors))
    ones = np.ones((5, 6), "float32")
    outputs = model([ones, FACTORS])
    expected = 0.01 * np.abs(gate.layer.kernel).sum() + 0.01 * np.square(outputs).sum() / 5
    assert float(sum(model.losses)) == pytest.approx(expected)


@pytest.mark.parametrize("shape", [(), (1,), (5,), (7,), (6, 1), (1, 4), (6, 3), (1, 6), (6, 4, 1)])
def test_factors_of_another_shape_raise(shape):
    x, factors = np.ones((2, 6), "float32"), np.ones(shape, "float32")
    gate = Gated(layers.Dense(4, name="small"))
    message = r"per input channel of 'small'.*\(6,\) or \(6, 4\). Received: factors of shape"
    with pytest.raises(ValueError, match=message):
        gate(x, factors)
    gate(x, FACTORS)
    with pytest.raises(ValueError, match=message):
        gate(x, factors)
    with pytest.raises(ValueError, match=message):
        gate(keras.Input((6,)), keras.Input(batch_shape=shape))


def test_what_has_no_kernel_raises():
    with pytest.raises(ValueError, match=r"'plain'.*has no kernel in its attribute `kernel`"):
        Gated(layers.ReLU(name="plain"))(np.ones((2, 6)), FACTORS)
    with pytest.raises(ValueError, match=r"`layer` must be .* Received: layer='dense'"):
        Gated("dense")


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("everywhere", [True, False])
def test_factors_stay_in_float32_under_mixed_precision(policy, everywhere):
    keras.config.set_dtype_policy(policy if everywhere else "float32")
    model = by_hand(policy)
    gate = model.get_layer("gate")
    gate.layer.kernel.assign(np.full((6, 3), 2.0**13))
    gate.layer.bias.assign(np.zeros(3))
    x = np.ones((5, 6), "float32")
    tiny = np.full(6, 2.0**-30, "float32")  # Zero in float16.
    for outputs in (gate(x, tiny), model([x, tiny])):
        np.testing.assert_array_equal(np.float32(outputs), np.full((5, 3), 6 * 2.0**-17, "float32"))
    assert keras.backend.standardize_dtype(gate(x, tiny).dtype) == policy.removeprefix("mixed_")


def test_masks_go_through():
    x = np.arange(24, dtype="float32").reshape(2, 2, 6)
    x[1, 1] = 0
    masked = layers.Masking()(x)
    gate = Gated(layers.Dense(4))
    pooled = layers.GlobalAveragePooling1D()(gate(masked, FACTORS))
    check_close(pooled[1], gate(x[1:, :1], FACTORS)[0, 0])
