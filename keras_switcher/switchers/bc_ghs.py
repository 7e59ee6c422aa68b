"""BCGHS: log-normal noise on each channel, under a horseshoe prior (Louizos et al. 2017)."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_switcher.arguments import check_number, own_arguments
from keras_switcher.switchers.gated_weights import GatedSquares
from keras_switcher.switchers.records import Record, split_by_record
from keras_switcher.switchers.switcher import Switcher
from keras_switcher.tensors import Tensor, as_constant

# Of each logarithm, where training starts: next to no noise.
LOG_VARIANCE = -9.0


@keras.saving.register_keras_serializable(package="keras_switcher")
class BCGHS(Switcher):
    """Multiplicative log-normal noise per channel, with one scale per group, under a horseshoe.

    Bayesian compression with group horseshoe priors: Louizos, Ullrich and Welling 2017 (*Bayesian
    Compression for Deep Learning*, arXiv 1705.08665, section 4.2). A factor is

        z = sqrt(s_a * s_b * a * b),

    with a and b for each channel and s_a and s_b for each group. Their priors are Gamma(1/2) for a
    and s_a, inverse Gamma(1/2) for b and s_b, with scale `scale^2` for s_a and 1 for the others, so
    that `sqrt(a * b)` and `sqrt(s_a * s_b)` are half-Cauchy variables. The posteriors are
    log-normal, drawn from in training, and all divergences have a closed form (see `divergence`).
    They are added to the loss, with the weights' own under their prior N(0, 1), over the number of
    samples. In inference a factor is the mean of z, or zero where the mode of `sqrt(a * b)`, the
    channel's own part, is small: `-log(mode) >= threshold`. A channel that nothing depends on comes
    to `-log(mode) = 1`, where the divergences are smallest; one that matters has little noise, and
    a mode near its mean. (The paper takes the mode of z, with a threshold for each layer that is
    chosen by looking at the histogram.)

    What differs from the paper: noise is drawn once per update, not for each sample. Weights have
    no noise of their own but are a point estimate: of their divergence `sum(w^2) / 2` is left, over
    all weights that factors scale. Where the posteriors start is not known from the paper; here s_a
    starts at the scale of its prior and s_b, whose prior has a heavy tail, so that all factors are
    one.

    Args:
        samples: Number of training samples, by which divergences are divided; the default is that
            of MNIST.
        threshold: Channels are pruned where the mode of their own part is at most
            `exp(-threshold)`.
        scale: Scale of the prior of a group, above 0; the paper has 1e-5.
        seed: Seed of the noise.
        **kwargs: See `Switcher`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> import keras_switcher as ks
    >>> hidden = keras.layers.Dense(3, name="hidden")
    >>> task = keras.Sequential([keras.Input((2,)), hidden, keras.layers.Dense(1)])
    >>> model = ks.SwitcherModel(task, BCGHS(samples=1000), groups=["hidden"])
    >>> _ = model.switcher.mean.assign([[0, 0, -4], [0, 0, -4]])  # Of log(a) and log(b).
    >>> model.scaling_factors()["hidden"].round(2).tolist()
    [1.0, 1.0, 0.0]
    """

    follows_budget = False  # The divergence decides what is kept.

    def __init__(
        self,
        samples: int = 60_000,
        threshold: float = 0.5,
        scale: float = 1e-5,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_number("samples", samples, "the number of training samples", least=1)
        check_number("threshold", threshold, "a finite number, of -log(mode)")
        check_number("scale", scale, "the scale of a prior, above 0", least=0, above=True)
        self.samples = samples
        self.threshold = threshold
        self.scale = scale
        self.seed = seed
        self.noise = keras.random.SeedGenerator(seed)

    def build(self, records: list[Record]) -> None:
        sizes = [record.size for record in records]
        self._groups = as_constant(np.repeat(np.arange(len(records)), sizes))
        self._squares = GatedSquares(records)
        log_scale = 2 * math.log(self.scale)
        start = np.repeat([[log_scale], [-log_scale]], len(records), axis=1)
        variance = keras.initializers.Constant(LOG_VARIANCE)
        self.mean = self.add_weight(shape=(2, sum(sizes)), initializer="zeros", name="mean")
        self.log_variance = self.add_weight(
            shape=self.mean.shape, initializer=variance, name="log_variance"
        )
        self.group_mean = self.add_weight(
            shape=start.shape, initializer=lambda *a, **k: start, name="group_mean"
        )
        self.group_log_variance = self.add_weight(
            shape=start.shape, initializer=variance, name="group_log_variance"
        )

    def call(self, records: list[Record], training: bool = False) -> list[Tensor]:
        own = self.mean.value, self.log_variance.value
        of_group = self.group_mean.value, self.group_log_variance.value
        self.add_loss(self._penalty(own, of_group, records) / self.samples)
        # Of log(z), half the sum of four normal variables: those of a channel, of its group.
        channel_variance = ops.sum(ops.exp(own[1]), axis=0) / 4
        group_variance = ops.sum(ops.exp(of_group[1]), axis=0) / 4
        channel_mean = ops.sum(own[0], axis=0) / 2
        mean = channel_mean + self._each(ops.sum(of_group[0], axis=0) / 2)
        if training:
            of_channels = ops.sqrt(channel_variance) * self._drawn(channel_variance)
            of_groups = ops.sqrt(group_variance) * self._drawn(group_variance)
            factors = ops.exp(mean + of_channels + self._each(of_groups))
        else:
            variance = channel_variance + self._each(group_variance)
            is_off = channel_variance - channel_mean >= self.threshold
            factors = ops.where(is_off, 0.0, ops.exp(mean + variance / 2))
        return split_by_record(factors, records)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **own_arguments(BCGHS, self)}

    def _penalty(
        self,
        own: tuple[Tensor, Tensor],
        of_group: tuple[Tensor, Tensor],
        records: list[Record],
    ) -> Tensor:
        terms = [
            divergence(own[0][0], own[1][0]),
            divergence(-own[0][1], own[1][1]),  # 1 / b has the prior of a.
            divergence(of_group[0][0] - 2 * math.log(self.scale), of_group[1][0]),
            divergence(-of_group[0][1], of_group[1][1]),
        ]
        of_weights = ops.cast(self._squares(records), terms[0].dtype) / 2
        return sum(map(ops.sum, terms)) + of_weights

    def _each(self, of_groups: Tensor) -> Tensor:
        """Gives each channel the value of its group."""
        return ops.take(of_groups, self._groups, axis=0)

    def _drawn(self, like: Tensor) -> Tensor:
        return keras.random.normal(like.shape, dtype=like.dtype, seed=self.noise)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """The divergence of a log-normal variable from Gamma(1/2, 1).

    With mean m and variance v of its logarithm: `exp(m + v / 2) - (m + log(v) + log(2) + 1) / 2`.

    Args:
        mean: The mean of the logarithm, less the logarithm of the prior's scale.
        log_variance: The logarithm of the variance of the logarithm.
    """
    expected = ops.exp(mean + ops.exp(log_variance) / 2)
    return expected - (mean + log_variance + math.log(2) + 1) / 2
