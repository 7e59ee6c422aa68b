"""Metrics of the structure that is being learned."""

from typing import Any

import keras
from keras import ops

SHARES = ("pruned", "weakened", "strengthened", "weights_removed")


class StructureShares(keras.metrics.Metric):
    """Means over batches of the shares that `Accounting.shares` returns.

    Progress bar, History, CSVLogger and TensorBoard show `weights_removed`, the share of the
    network's weights; what is `pruned`, `weakened` and `strengthened` comes with
    `StructureHistory`.
    """

    def __init__(self, name: str = "structure", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.total = self.add_variable(
            shape=(len(SHARES) + 1,), initializer="zeros", name="total", dtype="float32"
        )

    def update_state(self, shares: Any) -> None:
        """Adds one batch: a tensor of shape `(4,)`."""
        self.total.assign_add(ops.append(ops.cast(shares, "float32"), 1.0))

    def set_state(self, shares: Any) -> None:
        """Takes the place of all batches: the structure does not change during evaluate()."""
        self.total.assign(ops.append(ops.cast(shares, "float32"), 1.0))

    def result(self) -> dict:
        """The mean, by its name; less than a millionth is rounding, and zero."""
        total = ops.convert_to_tensor(self.total)
        mean = ops.divide_no_nan(total[-2], total[-1])
        return {"weights_removed": ops.where(mean < 1e-6, 0.0, mean)}
