"""BCGNJ: Gaussian noise on each channel, under a normal-Jeffreys prior (Louizos et al. 2017)."""

from typing import Any

import keras
from keras import ops

from keras_switcher.arguments import check_number, own_arguments
from keras_switcher.switchers.records import Record, split_by_record
from keras_switcher.switchers.switcher import Switcher
from keras_switcher.tensors import Tensor

# The approximation of the divergence by Molchanov et al. 2017, arXiv 1701.05369, equation 14.
K1, K2, K3 = 0.63576, 1.87320, 1.48695
# Of the noise, where training starts: none to speak of.
LOG_VARIANCE = -9.0


@keras.saving.register_keras_serializable(package="keras_switcher")
class BCGNJ(Switcher):
    """Multiplicative Gaussian noise per channel; channels that are mostly noise are pruned.

    Bayesian compression with group normal-Jeffreys priors: Louizos, Ullrich and Welling 2017
    (*Bayesian Compression for Deep Learning*, arXiv 1705.08665, section 4.1). In training each
    factor is `z ~ N(mean, variance)`. The prior p(z), proportional to `1 / abs(z)`, asks for noise.
    With `log_alpha = log(variance) - log(mean^2)` the divergence from it, as Molchanov et al. 2017
    approximate it (arXiv 1701.05369, equation 14),

        k1 - k1 * sigmoid(k2 + k3 * log_alpha) + softplus(-log_alpha) / 2

    for each factor, with k = (.63576, 1.87320, 1.48695), is added to the loss, over the number of
    samples. In inference a factor is the mean's size, or zero where `log_alpha >= threshold`.

    What differs from the paper: noise is drawn once per update, where local reparametrization
    draws it for each sample, so that gradients are noisier. And the weights have no noise of their
    own, they are a point estimate; the paper's prior N(0, 1) of the weights is then a regularizer
    `keras.regularizers.L2(0.5 / samples)`, which the task network's layers may have.

    Args:
        samples: Number of training samples, by which the divergence is divided; the default is
            that of MNIST.
        threshold: From this log_alpha on a channel is pruned. At 0 the noise is as large as the
            mean; the paper chooses one per layer by looking at the histogram.
        seed: Seed of the noise.
        **kwargs: See `Switcher`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> import keras_switcher as ks
    >>> hidden = keras.layers.Dense(3, name="hidden")
    >>> task = keras.Sequential([keras.Input((2,)), hidden, keras.layers.Dense(1)])
    >>> model = ks.SwitcherModel(task, BCGNJ(samples=1000), groups=["hidden"])
    >>> _ = model.switcher.log_variance.assign([-9.0, -0.1, 0.1])
    >>> model.scaling_factors()["hidden"].tolist()
    [1.0, 1.0, 0.0]
    """

    follows_budget = False  # The divergence decides what is kept.

    def __init__(
        self,
        samples: int = 60_000,
        threshold: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_number("samples", samples, "the number of training samples", least=1)
        check_number("threshold", threshold, "a finite number, a log_alpha")
        self.samples = samples
        self.threshold = threshold
        self.seed = seed
        self.noise = keras.random.SeedGenerator(seed)

    def build(self, records: list[Record]) -> None:
        size = sum(record.size for record in records)
        start = keras.initializers.Constant(LOG_VARIANCE)
        self.mean = self.add_weight(shape=(size,), initializer="ones", name="mean")
        self.log_variance = self.add_weight(shape=(size,), initializer=start, name="log_variance")

    def call(self, records: list[Record], training: bool = False) -> list[Tensor]:
        mean, log_variance = ops.abs(self.mean.value), self.log_variance.value
        log_alpha = log_variance - 2 * ops.log(mean + 1e-8)
        self.add_loss(ops.sum(divergence(log_alpha)) / self.samples)
        if training:
            noise = keras.random.normal(mean.shape, dtype=mean.dtype, seed=self.noise)
            factors = mean + ops.exp(log_variance / 2) * noise
        else:
            factors = ops.where(log_alpha >= self.threshold, 0.0, mean)
        return split_by_record(factors, records)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **own_arguments(BCGNJ, self)}


def divergence(log_alpha: Tensor) -> Tensor:
    """The divergence of `N(m, alpha m^2)` from a prior proportional to 1/|z|; 0 for large alpha.

    Args:
        log_alpha: A tensor.
    """
    return K1 - K1 * ops.sigmoid(K2 + K3 * log_alpha) + ops.softplus(-log_alpha) / 2
