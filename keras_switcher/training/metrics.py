"""Metrics of the structure that is being learned."""

from typing import Any

import keras
from keras import ops


class WeightsRemoved(keras.metrics.Mean):
    """The mean over batches of the share of the network's weights that is switched off.

    Progress bar, History, CSVLogger and TensorBoard show it; what is pruned, weakened and
    strengthened comes with `StructureHistory`.
    """

    def __init__(self, name: str = "weights_removed") -> None:
        super().__init__(name=name, dtype="float32")

    def set_state(self, share: Any) -> None:
        """Takes the place of all batches: the structure does not change during evaluate()."""
        self.reset_state()
        self.update_state(share)

    def result(self) -> Any:
        """The mean; less than a millionth is rounding, and zero."""
        mean = super().result()
        return ops.where(mean < 1e-6, 0.0, mean)
