"""BC-GHS: divergences against an integral, the noise, and what is pruned."""

import numpy as np
import pytest
from helpers.gradients import gradient_of
from helpers.toys import mlp, randomize, values
from keras import ops

from keras_switcher import SwitcherModel
from keras_switcher.switchers import BCGHS
from keras_switcher.switchers.bc_ghs import divergence


def by_integration(mean, log_variance):
    """The expectation of the difference of log densities, of x = exp(mean + spread * n)."""
    n = np.linspace(-12, 12, 400_001)
    density = np.exp(-np.square(n) / 2) / np.sqrt(2 * np.pi) * (n[1] - n[0])
    spread = np.exp(log_variance / 2)
    log_x = mean + spread * n
    log_q = -np.square(n) / 2 - np.log(spread) - np.log(2 * np.pi) / 2 - log_x
    log_p = -np.log(np.pi) / 2 - log_x / 2 - np.exp(log_x)
    return np.sum(density * (log_q - log_p))


@pytest.mark.parametrize("log_variance", [-9.0, -1.0, 0.5])
@pytest.mark.parametrize("mean", [-6.0, -0.5, 0.0, 2.0])
def test_divergence_is_that_from_the_prior(mean, log_variance):
    given = (ops.convert_to_tensor(number, "float32") for number in (mean, log_variance))
    found = float(ops.convert_to_numpy(divergence(*given)))
    assert found == pytest.approx(by_integration(mean, log_variance), rel=1e-5, abs=1e-5)
    assert found > 0


def lively(**kwargs):
    """A model whose posteriors are all different; those of groups lie around 1."""
    model = SwitcherModel(mlp(), BCGHS(**kwargs))
    switcher = model.switcher
    randomize([switcher.mean, switcher.log_variance, switcher.group_log_variance], 1.0)
    switcher.group_mean.assign(switcher.group_mean + np.array([[0.3, -0.2], [0.1, 0.4]]))
    return model


def moments(model):
    """Of log(z), by group: means of channels and of the group, then their variances."""
    switcher, ends = model.switcher, [8]
    mean, log_variance, group_mean, group_log_variance = (
        v.astype("float64")
        for v in values(
            [
                *(switcher.mean, switcher.log_variance),
                *(switcher.group_mean, switcher.group_log_variance),
            ]
        )
    )
    means = np.split(mean.sum(0) / 2, ends)
    variances = np.split(np.exp(log_variance).sum(0) / 4, ends)
    of_groups = np.exp(group_log_variance).sum(0) / 4
    return means, group_mean.sum(0) / 2, variances, of_groups


def test_penalty_is_the_sum_of_divergences_over_the_samples():
    model = lively(samples=50, scale=0.1)
    model.raw_factors(training=True)
    (found,) = values(model.switcher.losses)
    switcher = model.switcher
    mean, log_variance = values([switcher.mean, switcher.log_variance])
    group_mean, group_log_variance = values([switcher.group_mean, switcher.group_log_variance])
    pairs = [
        *zip(mean[0], log_variance[0], strict=True),
        *zip(-mean[1], log_variance[1], strict=True),
        *zip(group_mean[0] - np.log(0.01), group_log_variance[0], strict=True),
        *zip(-group_mean[1], group_log_variance[1], strict=True),
    ]
    weights = sum(np.square(v).sum() for v in values([k.kernel for k in model.task.layers]))
    expected = sum(by_integration(*map(float, pair)) for pair in pairs) + weights / 2
    assert found == pytest.approx(expected / 50, rel=1e-4)


def test_inference_has_the_mean_and_prunes_by_the_mode():
    model = lively(threshold=1.0)
    found = []
    for factor, m, of_group, v, g in zip(
        model.scaling_factors().values(), *moments(model), strict=True
    ):
        expected = np.where(v - m >= 1.0, 0, np.exp(m + of_group + (v + g) / 2))
        np.testing.assert_allclose(factor, expected, rtol=1e-4)
        found += factor.tolist()
    assert 0 < np.count_nonzero(found) < len(found)


def test_where_nothing_depends_on_a_channel_its_mode_falls_to_that_of_the_prior():
    """The gradient of a channel's divergences is zero where `-log(mode)` is 1."""
    model = SwitcherModel(mlp(), BCGHS())
    switcher, size = model.switcher, 12
    mean = np.log(0.5) - 1
    switcher.mean.assign(np.repeat([[mean], [-mean]], size, axis=1))
    switcher.log_variance.assign(np.full((2, size), np.log(2)))

    def penalty(variables):
        model.raw_factors(training=True)
        return switcher.losses

    for gradient in values(gradient_of(penalty, [switcher.mean, switcher.log_variance])):
        np.testing.assert_allclose(gradient * switcher.samples, 0, atol=1e-5)
    means, _, variances, _ = moments(model)
    for m, v in zip(means, variances, strict=True):
        np.testing.assert_allclose(v - m, 1, rtol=1e-6)


def test_noise_is_log_normal_and_in_part_that_of_the_group():
    model = lively(seed=1)
    drawn = [values(model.raw_factors(training=True).values()) for _ in range(1000)]
    for i, (m, of_group, v, g) in enumerate(zip(*moments(model), strict=True)):
        logs = np.log([each[i] for each in drawn])
        np.testing.assert_allclose(logs.mean(0), m + of_group, atol=0.15)
        covariance = np.cov(logs.T)
        np.testing.assert_allclose(np.diag(covariance), v + g, rtol=0.2)
        shared = covariance[~np.eye(len(m), dtype=bool)]
        assert shared.mean() == pytest.approx(g, rel=0.2)


def test_it_starts_with_factors_of_one_and_next_to_no_noise():
    model = SwitcherModel(mlp(), BCGHS())
    for factor in model.scaling_factors().values():
        np.testing.assert_allclose(factor, 1, atol=1e-3)
    drawn = np.concatenate(values(model.raw_factors(training=True).values()))
    assert 0 < np.abs(drawn - 1).max() < 0.1
