"""ShuffledInput, a control: factors are permuted within each group."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_switcher.switchers.records import Record
from keras_switcher.switchers.switcher import Switcher
from keras_switcher.switchers.wrapped import WrappedSwitcher
from keras_switcher.tensors import Tensor


@keras.saving.register_keras_serializable(package="keras_switcher")
class ShuffledInput(WrappedSwitcher):
    """Permutes a switcher's factors within each group, always in the same way.

    A control experiment: each factor is computed from the weights of another channel than that
    which it scales. A difference to the switcher within shows whether a channel's own weights
    matter.

    Args:
        switcher: The `Switcher` within.
        seed: Seed of the permutations.
        **kwargs: See `Switcher`.

    Example:

    >>> import keras_switcher as ks
    >>> hidden = keras.layers.Dense(4, name="hidden")
    >>> task = keras.Sequential([keras.Input((2,)), hidden, keras.layers.Dense(1)])
    >>> within = ks.switchers.FreeFactors(ceiling=None)
    >>> model = ks.SwitcherModel(task, ShuffledInput(within, seed=0))
    >>> _ = within.parameters.assign([1, 2, 3, 4, 1, 1])
    >>> model.scaling_factors()["hidden"].tolist()
    [3.0, 1.0, 2.0, 4.0]
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
