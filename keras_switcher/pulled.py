"""How hard a budget pulls at each factor of a group, beside the others of the same group."""

import numpy as np
from keras import ops

from keras_switcher.graph.flat import FlatLayout, split_grains
from keras_switcher.held import held
from keras_switcher.segments import Segments

# How much more the ratios of factors count than a scale that has no effect. With 2, after few
# updates, factors still shrank together for some seeds, see `recipes/results/digits_tried.csv`.
RATIOS = 5
# A scale below this one counts as this one: groups that are all but off are not pulled the harder.
LEAST_SCALE = 0.2


class Pulled:
    """Turns what each factor costs into what a budget pulls at.

    What a factor costs is the kept share's gradient, as if a channel counted by its factor. But a
    budget that pulls at all factors of a group alike shrinks them together: a network without
    normalisations fades until it no longer learns, and behind a normalisation, where nothing holds
    them, they get so small that which one is lost is left to chance. So the pull follows a group's
    effective number of channels, which depends on ratios alone, with its scale q as a constant:

        5 / 2 (sum f)^2 / sum f^2,  q = sum f^2 / sum f

    Its gradient is `5 (1 - f / q) / q`: 0 where all factors are equal, 5 for a factor near zero
    beside others at 1, and less than 0 for one above the scale. So some are lost, and others grow.
    Where what reads a group is normalised, as convolutions before a BatchNormalization are, its
    scale has no effect and the task's loss holds it nowhere; there the factors in units of their
    scale are pulled at as well, with gradient `1 / q`. So they are everywhere while too little is
    kept: what grows together does not fade, and what is off comes back.

    Args:
        groups: The `ChannelGroup`s, in the order in which their factors are joined.
        is_normalized: Whether what reads a group is normalised, for each of them.
    """

    def __init__(self, groups: list, is_normalized: list[bool]):
        self._layout = FlatLayout(groups)
        of_each = np.repeat(np.arange(len(groups) + 1), [*(g.size for g in groups), 1])
        self._groups = Segments(of_each, len(groups) + 1)
        self._is_normalized = held(np.array([*is_normalized, False])[of_each] * 1.0)

    def __call__(self, costs: dict, factors: dict, is_short) -> dict:
        """Costs by name of group, each times how hard its factor is pulled at.

        Args:
            costs: Maps names to tensors: the kept share's gradient.
            factors: Maps names to tensors.
            is_short: A scalar, 1 where too little is kept and 0 elsewhere.
        """
        channels, connections = split_grains(factors)
        joined = self._layout.join(channels)
        means, squares = self._groups.means(joined), self._groups.means(ops.square(joined))
        scales = self._groups.spread(_scales(means, squares))
        of_scale = ops.maximum(
            ops.cast(self._is_normalized, joined.dtype), ops.cast(is_short, joined.dtype)
        )
        slopes = self._layout.split(_slopes(joined, scales, of_scale))
        for name, matrix in connections.items():
            scale = _scales(ops.mean(matrix), ops.mean(ops.square(matrix)))
            slopes[name] = _slopes(matrix, scale, ops.cast(is_short, matrix.dtype))
        return {name: ops.cast(slopes[name], cost.dtype) * cost for name, cost in costs.items()}


def _scales(means, squares):
    return ops.maximum(squares / ops.maximum(means, 1e-6), LEAST_SCALE)


def _slopes(factors, scales, of_scale):
    return (of_scale + RATIOS * (1 - factors / scales)) / scales
