"""L0: gates and penalty in closed form, and the distribution that noise draws from."""

import numpy as np
import pytest
from helpers.toys import convnet, data, fit, mlp, randomize, switched, values
from keras import ops

from keras_switcher import SwitcherModel
from keras_switcher.switchers import L0
from keras_switcher.switchers.gated_weights import weights_per_factor

# By group of `convnet`: channels and the weights that read each of them.
READ = {"first": (4, 9 * 6), "second": (6, 4 * 8), "hidden/inputs": (24, 8), "hidden": (8, 3)}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_each_factor_counts_the_weights_that_it_scales():
    model = SwitcherModel(convnet(), L0())
    expected = np.concatenate([np.full(*READ[record.name]) for record in model.records])
    np.testing.assert_array_equal(weights_per_factor(model.records), expected)
    connections = SwitcherModel(mlp(), L0(), connections=True).records
    np.testing.assert_array_equal(weights_per_factor(connections), np.ones(4 * 8 + 8 * 3))


def test_penalty_is_the_expected_number_of_weights():
    model = SwitcherModel(convnet(), L0(strength=3.0, samples=50))
    randomize([model.switcher.log_alpha], 2.0)
    model.raw_factors(training=True)
    (found,) = values(model.switcher.losses)
    log_alpha = values([model.switcher.log_alpha])[0].astype("float64")
    is_on = sigmoid(log_alpha - 2 / 3 * np.log(0.1 / 1.1))
    assert found == pytest.approx(3 / 50 * np.sum(is_on * weights_per_factor(model.records)))


def test_inference_has_the_stretched_and_clipped_mean_gate():
    model = SwitcherModel(mlp(), L0())
    randomize([model.switcher.log_alpha], 5.0)
    log_alpha = values([model.switcher.log_alpha])[0].astype("float64")
    expected = np.clip(sigmoid(log_alpha) * 1.2 - 0.1, 0, 1)
    found = np.concatenate(list(model.scaling_factors().values()))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert (found == 0).any()
    assert (found == 1).any()


@pytest.mark.parametrize("log_alpha", [-1.0, 0.0, 2.0])
def test_noise_is_hard_concrete(log_alpha):
    """The distribution function of the stretched gate at several points, from 20,000 draws."""
    model = SwitcherModel(mlp(units=20_000), L0(seed=1), groups=["hidden"])
    model.switcher.log_alpha.assign(np.full(20_000, log_alpha))
    (drawn,) = values(model.raw_factors(training=True).values())
    assert drawn.min() == 0
    assert drawn.max() == 1
    for at in (0.0, 0.25, 0.5, 0.75, 0.999):
        s = (at + 0.1) / 1.2
        expected = sigmoid((np.log(s) - np.log(1 - s)) * 2 / 3 - log_alpha)
        assert np.mean(drawn <= at) == pytest.approx(expected, abs=0.015)


def test_it_starts_at_its_drop_rates():
    model = SwitcherModel(mlp(units=2000), L0(drop_rate=0.3, input_drop_rate=0.1, seed=1))
    hidden, inputs = np.split(values([model.switcher.log_alpha])[0], [2000])
    assert hidden.mean() == pytest.approx(np.log(0.7 / 0.3), abs=1e-3)
    assert hidden.std() == pytest.approx(0.01, rel=0.1)
    np.testing.assert_allclose(inputs, np.log(0.9 / 0.1), atol=0.05)
    inner = SwitcherModel(convnet(), L0(seed=1)).switcher.log_alpha
    np.testing.assert_allclose(values([inner])[0], 0, atol=0.05)  # Positions are no raw inputs.


def test_a_large_strength_prunes():
    x, y = data()
    model = switched(mlp(units=32), L0(strength=30.0, samples=32, seed=1), rate=0.1)
    before = float(np.sum(ops.convert_to_numpy(model.factors()["hidden"]) > 0))
    fit(model, x, y, epochs=10)
    kept = (model.scaling_factors()["hidden"] > 0).sum()
    assert kept < before / 2
