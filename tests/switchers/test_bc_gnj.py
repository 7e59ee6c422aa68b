"""BC-GNJ: the divergence against an integral, the noise, and what is pruned."""

import numpy as np
import pytest
from helpers.toys import mlp, randomize, values
from keras import ops

from keras_switcher import SwitcherModel
from keras_switcher.switchers import BCGNJ
from keras_switcher.switchers.bc_gnj import divergence


def by_integration(log_alpha):
    """The divergence of N(1, alpha) from a prior proportional to 1/|z|, 0 for large alpha.

    It is `E log|z| - log(alpha) / 2` and a constant: that of a normal variable n, `-E log|n|`.
    """
    points = np.linspace(-12, 12, 2_000_001)
    density = np.exp(-np.square(points) / 2) / np.sqrt(2 * np.pi) * (points[1] - points[0])
    z = 1 + np.exp(log_alpha / 2) * points
    mean = np.sum(density * np.log(np.abs(z) + 1e-12))
    of_normal = -(np.euler_gamma + np.log(2)) / 2
    return mean - log_alpha / 2 - of_normal


@pytest.mark.parametrize("log_alpha", [-8.0, -4.0, -2.0, -1.0, 0.0, 1.0, 3.0, 8.0])
def test_divergence_is_that_of_the_prior(log_alpha):
    """Molchanov et al. 2017 say of their approximation that it is off by .009 at most."""
    found = float(ops.convert_to_numpy(divergence(ops.convert_to_tensor(log_alpha))))
    assert found == pytest.approx(by_integration(log_alpha), abs=0.01)


def test_penalty_is_the_divergence_over_the_samples():
    model = SwitcherModel(mlp(), BCGNJ(samples=50))
    randomize(model.switcher.trainable_variables, 2.0)
    model.raw_factors(training=True)
    (found,) = values(model.switcher.losses)
    mean, log_variance = (v.astype("float64") for v in values(model.switcher.trainable_variables))
    log_alpha = log_variance - np.log(np.square(mean))
    expected = 0.63576 - 0.63576 / (1 + np.exp(-1.87320 - 1.48695 * log_alpha))
    expected = expected + np.log1p(np.exp(-log_alpha)) / 2
    assert found == pytest.approx(np.sum(expected) / 50, rel=1e-5)


def test_noise_has_its_mean_and_variance():
    model = SwitcherModel(mlp(units=20_000), BCGNJ(seed=1), groups=["hidden"])
    model.switcher.mean.assign(np.full(20_000, -0.5))
    model.switcher.log_variance.assign(np.full(20_000, -1.0))
    (drawn,) = values(model.raw_factors(training=True).values())
    assert drawn.mean() == pytest.approx(0.5, abs=0.02)
    assert drawn.std() == pytest.approx(np.exp(-0.5), abs=0.02)


@pytest.mark.parametrize("threshold", [-2.0, 0.0, 3.0])
def test_what_is_mostly_noise_is_pruned(threshold):
    model = SwitcherModel(mlp(), BCGNJ(threshold=threshold))
    randomize(model.switcher.trainable_variables, 3.0)
    mean, log_variance = values(model.switcher.trainable_variables)
    log_alpha = log_variance - np.log(np.square(mean))
    found = np.concatenate(list(model.scaling_factors().values()))
    expected = np.where(log_alpha >= threshold, 0, np.abs(mean))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert 0 < (found == 0).sum() < len(found)


def test_it_starts_with_factors_of_one_and_next_to_no_noise():
    model = SwitcherModel(mlp(), BCGNJ())
    assert all((factor == 1).all() for factor in model.scaling_factors().values())
    drawn = np.concatenate(values(model.raw_factors(training=True).values()))
    assert 0 < np.abs(drawn - 1).max() < 0.1
