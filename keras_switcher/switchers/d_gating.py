"""DGating: products of free gates, with weight decay on gates and weights (Kolb et al. 2025)."""

from typing import Any

import keras
from keras import ops

from keras_switcher.arguments import check_number, is_whole, own_arguments
from keras_switcher.switchers.gated_weights import GatedSquares
from keras_switcher.switchers.records import Record, split_by_record
from keras_switcher.switchers.straight_through import straight_through
from keras_switcher.switchers.switcher import Switcher
from keras_switcher.tensors import Tensor


@keras.saving.register_keras_serializable(package="keras_switcher")
class DGating(Switcher):
    """Factors that are products of free gates, with weight decay on gates and weights.

    Kolb et al. 2025 (*Differentiable Sparsity via D-Gating*, arXiv 2509.23898) write the weights
    of each group as a vector w times D - 1 scalar gates g, and add

        strength * (sum(w^2) + sum(g^2))

    to the loss. For a given product v of w and all gates the smallest penalty, where all have one
    size, is `strength * D * norm(v)^(2 / D)`: a non-convex penalty on whole groups (L_{2,2/D}; the
    group lasso for D = 2), whose local minima are those of this smooth loss.

    A group's weights are here those that its factor scales: the entries of a channel in all kernels
    that read it. A factor is the size of the product of its gates; its sign is in the weights.
    Products come close to zero and do not reach it: a factor up to `threshold` acts as zero, in
    training as in inference, and keeps the gradient of the product.

    Args:
        depth: D, the number of terms of the product, weights included, 2 or more. The paper has 2,
            3 and 4.
        strength: Weight of the penalty, 0 or more.
        threshold: Up to here a product of gates acts as zero.
        **kwargs: See `Switcher`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> import keras_switcher as ks
    >>> hidden = keras.layers.Dense(3, name="hidden")
    >>> task = keras.Sequential([keras.Input((2,)), hidden, keras.layers.Dense(1)])
    >>> model = ks.SwitcherModel(task, DGating(depth=3), groups=["hidden"])
    >>> _ = model.switcher.gates.assign([[1.0, 0.5, 0.01], [1.0, 0.5, 0.01]])
    >>> model.scaling_factors()["hidden"].tolist()
    [1.0, 0.25, 0.0]
    """

    # The penalty decides what is kept. Where gates are small their product has hardly a gradient,
    # so a budget that went too far could bring nothing back.
    follows_budget = False

    def __init__(
        self, depth: int = 3, strength: float = 1e-4, threshold: float = 1e-3, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        _check_depth(depth)
        check_number("strength", strength, "the weight of the decay, 0 or more", least=0)
        check_number("threshold", threshold, "the size of a factor, 0 or more", least=0)
        self.depth = depth
        self.strength = strength
        self.threshold = threshold

    def build(self, records: list[Record]) -> None:
        size = sum(record.size for record in records)
        self.gates = self.add_weight(shape=(self.depth - 1, size), initializer="ones", name="gates")
        self._squares = GatedSquares(records)

    def call(self, records: list[Record]) -> list[Tensor]:
        gates = self.gates.value
        of_weights = ops.cast(self._squares(records), gates.dtype)
        self.add_loss(self.strength * (ops.sum(ops.square(gates)) + of_weights))
        product = gates[0]
        for number in range(1, self.depth - 1):
            product = product * gates[number]
        product = ops.abs(product)
        is_off = product <= self.threshold
        factors = straight_through(ops.where(is_off, 0.0, product), product, is_off)
        return split_by_record(factors, records)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **own_arguments(DGating, self)}


def _check_depth(depth: Any) -> None:
    if not is_whole(depth, 2):
        raise ValueError(
            "`depth` counts the weights and their gates: a whole number from 2 on. "
            f"Received: depth={depth!r}."
        )
