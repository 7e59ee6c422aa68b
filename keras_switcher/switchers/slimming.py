"""Slimming: free scales per channel under an L1 penalty (Liu et al. 2017)."""

from typing import Any

import keras
from keras import ops

from keras_switcher.arguments import check_number
from keras_switcher.switchers.records import Record, split_by_record
from keras_switcher.switchers.switcher import Switcher
from keras_switcher.tensors import Tensor


@keras.saving.register_keras_serializable(package="keras_switcher")
class Slimming(Switcher):
    """One free scale per factor, with an L1 penalty: network slimming.

    Liu et al. 2017 (*Learning Efficient Convolutional Networks through Network Slimming*, arXiv
    1708.06519) add to the loss of the task (equation 1)

        strength * sum(abs(g))

    over the scales g of all channels, and cut the channels with the smallest ones afterwards, by
    one threshold for the whole network. Here no threshold acts in training: what is exactly zero
    is pruned and all else stays, to be cut by rank once training has ended.

    The paper's scales are the gammas of batch normalisations. Here they are the factors of gates,
    which act behind normalisation and activation: `f relu(gamma x + beta)` is
    `relu(f gamma x + f beta)`, so the same functions can be computed, and networks without
    normalisations have scales, too. The penalty falls on f instead of gamma.

    Scales start at one and never fall below zero: each update that would make them negative ends
    at zero. For plain SGD that is the proximal step of the penalty, which makes exact zeros, as
    subgradients alone do not. A channel at zero keeps its gradient and can come back.

    Args:
        strength: Weight of the penalty, 0 or more; the paper has 1e-4 and 1e-5.
        **kwargs: See `Switcher`.

    Raises:
        ValueError: If `strength` is negative or no number.

    Example:

    >>> import keras_switcher as ks
    >>> hidden = keras.layers.Dense(3, name="hidden")
    >>> task = keras.Sequential([keras.Input((2,)), hidden, keras.layers.Dense(1)])
    >>> model = ks.SwitcherModel(task, Slimming(strength=1e-5))
    >>> model.scaling_factors()["hidden"].tolist()
    [1.0, 1.0, 1.0]
    """

    follows_budget = False  # The penalty is its criterion; shares are cut afterwards.

    def __init__(self, strength: float = 1e-4, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_number("strength", strength, "the weight of the L1 penalty, 0 or more", least=0)
        self.strength = strength

    def build(self, records: list[Record]) -> None:
        self.scales = self.add_weight(
            shape=(sum(record.size for record in records),),
            initializer="ones",
            constraint="non_neg",
            name="scales",
        )

    def call(self, records: list[Record]) -> list[Tensor]:
        scales = self.scales.value
        self.add_loss(self.strength * ops.sum(scales))  # None is negative.
        return split_by_record(scales, records)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "strength": self.strength}
