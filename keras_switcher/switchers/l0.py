"""L0: hard concrete gates and the expected number of weights as penalty (Louizos et al. 2018)."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_switcher.arguments import check_number, own_arguments
from keras_switcher.switchers.gated_weights import weights_per_factor
from keras_switcher.switchers.records import GroupRecord, Record, split_by_record
from keras_switcher.switchers.switcher import Switcher
from keras_switcher.tensors import Tensor, as_constant

# The hard concrete distribution's temperature and the ends to which it is stretched.
BETA, GAMMA, ZETA = 2 / 3, -0.1, 1.1
# Standard deviation of log alpha at the start; how far the uniform noise stays from 0 and 1.
SPREAD, EPSILON = 0.01, 1e-6


@keras.saving.register_keras_serializable(package="keras_switcher")
class L0(Switcher):
    """Hard concrete gates that are trained on the expected number of weights that are not zero.

    Louizos, Welling and Kingma 2018 (*Learning Sparse Neural Networks through L0 Regularization*,
    arXiv 1712.01312). In training a factor is drawn once per update (equations 10 and 11),

        u ~ U(0, 1),  s = sigmoid((log(u) - log(1 - u) + log_alpha) / beta),
        z = clip(s * (zeta - gamma) + gamma, 0, 1),

    and the penalty is the expected L0 norm of the scaled weights (equation 12),

        strength / samples * sum(n * sigmoid(log_alpha - beta * log(-gamma / zeta)))

    where n is the number of weights that the factor scales: those that read the channel. (The
    authors gate the outputs of convolutions, and count the weights that make a channel.) Inference
    uses `clip(sigmoid(log_alpha) * (zeta - gamma) + gamma, 0, 1)` (equation 13). beta is 2/3, gamma
    -0.1, zeta 1.1.

    Factors are those of a whole batch, and start below one: wrapping a network changes its outputs.
    During training the share of weights removed that `fit()` shows is that of drawn factors.
    The paper trains by Adam at 1e-3, in batches of 100, and evaluates averaged weights (a decay
    of .999 per update).

    Args:
        strength: Weight of the penalty, 0 or more; the paper has .1 for MNIST.
        samples: Number of training samples; the default is that of MNIST.
        drop_rate: Probability that a factor is below one half at the start, within (0, 1).
        input_drop_rate: The same for the network's own inputs.
        seed: Seed of the start and the noise.
        **kwargs: See `Switcher`.

    Raises:
        ValueError: If an argument is out of its range.

    Example, factors at the start:

    >>> import keras_switcher as ks
    >>> hidden = keras.layers.Dense(3, name="hidden")
    >>> task = keras.Sequential([keras.Input((2,)), hidden, keras.layers.Dense(1)])
    >>> model = ks.SwitcherModel(task, L0(seed=0))
    >>> {name: round(float(f.mean()), 1) for name, f in model.scaling_factors().items()}
    {'hidden': 0.5, 'hidden/inputs': 0.9}
    """

    follows_budget = False  # The penalty decides what is kept.

    def __init__(
        self,
        strength: float = 0.1,
        samples: int = 60_000,
        drop_rate: float = 0.5,
        input_drop_rate: float = 0.2,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_number("strength", strength, "the weight of the penalty, 0 or more", least=0)
        check_number("samples", samples, "the number of training samples", least=1)
        for name, rate in {"drop_rate": drop_rate, "input_drop_rate": input_drop_rate}.items():
            check_number(name, rate, "a probability within (0, 1)", least=0, above=True, most=1)
        self.strength = strength
        self.samples = samples
        self.drop_rate = drop_rate
        self.input_drop_rate = input_drop_rate
        self.seed = seed
        self.noise = keras.random.SeedGenerator(seed)

    def build(self, records: list[Record]) -> None:
        means = np.repeat(
            [math.log((1 - rate) / rate) for rate in map(self._rate, records)],
            [record.size for record in records],
        )
        draw = keras.initializers.RandomNormal(0.0, SPREAD, seed=self.seed)
        start = means + ops.convert_to_numpy(draw(means.shape))
        self.log_alpha = self.add_weight(
            shape=means.shape, initializer=lambda *a, **k: start, name="log_alpha"
        )
        self._numbers = as_constant(weights_per_factor(records) * 1.0)

    def call(self, records: list[Record], training: bool = False) -> list[Tensor]:
        log_alpha = self.log_alpha.value
        is_on = ops.sigmoid(log_alpha - BETA * math.log(-GAMMA / ZETA))
        expected = ops.sum(is_on * ops.cast(self._numbers, is_on.dtype))
        self.add_loss(self.strength / self.samples * expected)
        logits = log_alpha
        if training:
            u = keras.random.uniform(
                log_alpha.shape, EPSILON, 1 - EPSILON, dtype=log_alpha.dtype, seed=self.noise
            )
            logits = (ops.log(u) - ops.log(1 - u) + log_alpha) / BETA
        factors = ops.clip(ops.sigmoid(logits) * (ZETA - GAMMA) + GAMMA, 0.0, 1.0)
        return split_by_record(factors, records)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **own_arguments(L0, self)}

    def _rate(self, record: Record) -> float:
        is_input = isinstance(record, GroupRecord) and not record.producers and not record.depth
        return self.input_drop_rate if is_input else self.drop_rate
