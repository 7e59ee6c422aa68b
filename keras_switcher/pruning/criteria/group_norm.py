"""GroupNorm: the norm of all weights that a channel would take with it."""

import keras
import numpy as np
from keras import ops

from keras_switcher.graph.groups import ConnectionGroup
from keras_switcher.pruning.criteria.criterion import Criterion, relative
from keras_switcher.pruning.criteria.registry import register
from keras_switcher.pruning.criteria.scored_network import (
    ScoredNetwork,
    sum_along,
    sum_per_channel,
)
from keras_switcher.tensors import in_full


@register("group_norm")
class GroupNorm(Criterion):
    """The norm over all coupled kernels and scales, relative to the mean of the group.

    Per channel, over the kernels that make it, carry it (depthwise) and read it, and the scales of
    normalisations: `(sum |w| ** order) ** (1 / order)`, then over its mean in the group, so that
    groups can be compared. The group norm of DepGraph (Fang et al. 2023, arXiv 2301.12900,
    equation 4), there over regularized weights.

    Args:
        order: 2, or 1 (known as `"group_norm_l1"`).

    Raises:
        ValueError: If `order` is neither.
    """

    def __init__(self, order: int = 2) -> None:
        if order not in (1, 2):
            raise ValueError(f"`order` must be 1 or 2. Received: order={order!r}.")
        self.order = order

    def scores(self, network: ScoredNetwork) -> dict[str, np.ndarray]:
        scales = network.scales()
        sums: dict[int, list[np.ndarray]] = {}

        def power(weight: keras.Variable, axis: int) -> np.ndarray:
            if id(weight) not in sums:
                powers = np.abs(in_full(weight)) ** self.order
                sums[id(weight)] = [sum_along(powers, number) for number in range(powers.ndim)]
            return sums[id(weight)][axis]

        found = {}
        for group in network.groups:
            total = np.zeros(group.size)
            for weight, number, axis in network.kernels[group.name]:
                total += sum_per_channel(power(weight, number), axis, group)
            for weight, axis in scales[group.name]:
                total += sum_per_channel(power(weight, 0), axis, group)
            found[group.name] = relative(total ** (1 / self.order))
        return found

    def connection_scores(self, connections: list[ConnectionGroup]) -> dict[str, np.ndarray]:
        """Magnitudes, over the mean of the kernel."""
        sizes = {g.name: np.abs(ops.convert_to_numpy(g.layer.kernel)) for g in connections}
        return {name: relative(size.astype("float64")) for name, size in sizes.items()}


@register("group_norm_l1")
def _l1() -> GroupNorm:
    return GroupNorm(order=1)
