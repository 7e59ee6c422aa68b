"""Slopes: how a penalty's gradient is divided among the factors of a group."""

from collections.abc import Callable

import numpy as np
from keras import ops

from keras_switcher.graph.groups import ChannelGroup
from keras_switcher.graph.packing import PackedLayout
from keras_switcher.reductions import Segments
from keras_switcher.tensors import Tensor, as_constant

# How much more the ratios of factors count than a scale that has no effect. With 2, after few
# updates, factors still shrank together for some seeds, see `recipes/results/tried/digits.json`.
RATIOS = 5
# A scale below this one counts as this one: groups that are all but off are not pulled the harder.
LEAST_SCALE = 0.2
# Up to this scale a group grows as a whole where too little is kept, and from one more on it does
# not: without a ceiling, factors would grow for ever where nothing comes back.
LARGE = 1.5


class Slopes:
    """Turns what each factor costs into what a budget pulls at.

    What a factor costs is the kept share's gradient, as if a channel counted by its factor. But a
    budget that pulls at all factors of a group alike shrinks them together: a network without
    normalisations fades until it no longer learns, and behind a normalisation, where nothing holds
    them, they get so small that which one is lost is left to chance. So what the pull takes from a
    group's scale q it gives back, to each factor f as far as the task's loss relies on it, a share
    h that comes from `Sensitivities`:

        slope = 5 / q (1 - h f sum(f) / sum(h f^2)),  q = sum(f^2) / sum(f)

    The slopes are orthogonal to the factors, whose scale stays. Where the loss relies on all alike,
    they are `5 / q (1 - f / q)`: the gradient of the group's effective number of channels
    `5/2 sum(f)^2 / sum(f^2)` (Kish's effective sample size, 1965), which depends on ratios alone.
    What the loss does not rely on, such as an input that is always zero, has `5 / q` and is lost
    first, however large its factor is.

    Where what reads a group is normalised, as convolutions before a BatchNormalization are, its
    scale has no effect and the task's loss holds it nowhere; there the factors in units of their
    scale are pulled at as well, with slope `1 / q`. So they are everywhere where a budget is late.

    Where too little is kept, a budget pulls back: at what is off most, and at nothing on which the
    loss does not rely, so that nothing shrinks and what comes back is of use:

        slope = 2 h / q (1 + 5 max(0, 1 - f / q))

    A group whose scale is large already does not grow as a whole: the first 1 falls to 0 there.

    Args:
        groups: The `ChannelGroup`s, in the order in which their factors are joined.
        is_normalized: Whether what reads a group is normalised, for each of them.
    """

    def __init__(self, groups: list[ChannelGroup], is_normalized: list[bool]) -> None:
        self._layout = PackedLayout(groups)
        of_each = np.repeat(np.arange(len(groups) + 1), [*(g.size for g in groups), 1])
        self._groups = Segments(of_each, len(groups) + 1)
        self._is_normalized = as_constant(np.array([*is_normalized, False])[of_each] * 1.0)

    def __call__(
        self,
        costs: dict[str, Tensor],
        factors: dict[str, Tensor],
        sensitivity: dict[str, Tensor],
        is_short: Tensor,
        lateness: Tensor,
    ) -> dict[str, Tensor]:
        """Costs by name of group, each times how hard its factor is pulled at.

        Args:
            costs: Maps names to tensors: the kept share's gradient.
            factors: Maps names to tensors.
            sensitivity: Maps names to tensors from 0 to 1, see `Sensitivities.normalized`.
            is_short: A scalar, 1 where too little is kept and 0 elsewhere.
            lateness: A scalar from 0 to 1, see `Budget.lateness`.
        """
        joined, shares = self._layout.join(factors), self._layout.join(sensitivity)
        of_scale = ops.maximum(self._is_normalized, ops.cast(lateness, self._is_normalized.dtype))
        slopes = self._layout.split(_slopes(joined, shares, is_short, of_scale, self._means))
        for name in factors:
            if name not in slopes:  # Connections.
                matrix, of_matrix = factors[name], sensitivity[name]
                slopes[name] = _slopes(matrix, of_matrix, is_short, lateness, ops.mean)
        return {name: ops.cast(slopes[name], cost.dtype) * cost for name, cost in costs.items()}

    def _means(self, values: Tensor) -> Tensor:
        return self._groups.to_members(self._groups.means(values))


def _slopes(
    factors: Tensor, shares: Tensor, is_short: Tensor, of_scale: Tensor, means: Callable
) -> Tensor:
    """Slopes of factors; `means` gives each one the mean of its group."""
    shares, of_scale = ops.cast(shares, factors.dtype), ops.cast(of_scale, factors.dtype)
    mean, relied = means(factors), shares * factors
    scale = ops.maximum(means(ops.square(factors)) / ops.maximum(mean, 1e-6), LEAST_SCALE)
    given_back = relied * mean / ops.maximum(means(relied * factors), 1e-6)
    down = of_scale + RATIOS * (1 - given_back)
    grows = ops.clip(LARGE + 1 - scale, 0.0, 1.0)
    back = 2 * shares * (grows + RATIOS * ops.relu(1 - factors / scale))
    return ops.where(ops.cast(is_short, "bool"), back, down) / scale
