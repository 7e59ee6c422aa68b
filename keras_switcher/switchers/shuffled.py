"""ShuffledInput, a control: factors are permuted within each group."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_switcher.reductions import Tensor
from keras_switcher.switchers.records import Record
from keras_switcher.switchers.switcher import Switcher
from keras_switcher.switchers.wrapped import WrappedSwitcher


@keras.saving.register_keras_serializable(package="keras_switcher")
class ShuffledInput(WrappedSwitcher):
    """A fixed permutation, within each group, between what a switcher reads and what it gates.

    The control that tells whether a channel's own weights matter: all else is as before.

    Args:
        switcher: The `Switcher` within.
        seed: Seed of the permutations.
        **kwargs: See `Switcher`.

    Example:

    >>> from keras_switcher.switchers import RowSwitcher
    >>> ShuffledInput(RowSwitcher(), seed=1).seed
    1
    """

    def __init__(self, switcher: Switcher, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(switcher, **kwargs)
        self.seed = seed

    def build(self, records: list[Record]) -> None:
        super().build(records)
        generator = np.random.default_rng(self.seed)
        self._orders = [generator.permutation(record.size) for record in records]

    def call(self, records: list[Record]) -> list[Tensor]:
        factors = super().call(records)
        pairs = zip(factors, self._orders, strict=True)
        return [
            ops.reshape(ops.take(ops.reshape(factor, (-1,)), order, axis=0), factor.shape)
            for factor, order in pairs
        ]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}
