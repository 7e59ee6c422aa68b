"""FrozenSwitcher, a control: a switcher that is never trained."""

from typing import Any

import keras
from keras import ops

from keras_switcher.reductions import Tensor
from keras_switcher.switchers.records import Record
from keras_switcher.switchers.switcher import Switcher
from keras_switcher.switchers.wrapped import WrappedSwitcher


@keras.saving.register_keras_serializable(package="keras_switcher")
class FrozenSwitcher(WrappedSwitcher):
    """A switcher whose own weights stay as they were initialised.

    The control that tells what training the switcher gains: from the paper's half zeros, a
    switcher that was never trained already prunes half of the channels.

    Args:
        switcher: The `Switcher` within.
        keep: The share of each group's factors that stays, chosen by rank (what the switcher
            within prunes stays pruned); None leaves the factors as they are.
        **kwargs: See `Switcher`.

    Raises:
        ValueError: If `keep` is not within (0, 1].

    Example:

    >>> from keras_switcher.switchers import RowSwitcher
    >>> FrozenSwitcher(RowSwitcher()).trainable_variables
    []
    """

    def __init__(self, switcher: Switcher, keep: float | None = None, **kwargs: Any) -> None:
        super().__init__(switcher, **kwargs)
        if keep is not None and not 0 < keep <= 1:
            raise ValueError(f"`keep` must be None or within (0, 1]. Received: keep={keep!r}.")
        self.keep = keep

    @property
    def trainable_variables(self) -> list[keras.Variable]:
        """None: the optimizer gets nothing to train."""
        return []

    trainable_weights = trainable_variables

    def call(self, records: list[Record]) -> list[Tensor]:
        # Not even statistics that a normalisation keeps may move.
        factors = self.switcher(records=records, training=False)
        if self.keep is None:
            return factors
        return [self._ranked(factor) for factor in factors]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "keep": self.keep}

    def _ranked(self, factor: Tensor) -> Tensor:
        flat = ops.reshape(factor, (-1,))
        size = flat.shape[0]
        best = ops.top_k(flat, max(1, round(self.keep * size)))[1]
        kept = ops.scatter(ops.expand_dims(best, 1), ops.ones_like(flat)[: best.shape[0]], (size,))
        return ops.reshape(flat * kept, factor.shape)
