"""Factors as a budget counts them: on or off, and how hard it pulls at each."""

import numpy as np
from keras import ops

from keras_switcher.held import held
from keras_switcher.segments import Segments

# How much more the ratios of factors count than their scale. With 2, after few updates, factors
# still shrank together for some seeds, see `recipes/results/digits_tried.csv`.
RATIOS = 5
# A scale below this one counts as this one: groups that are all but off are not pulled the harder.
LEAST_SCALE = 0.2


def on_or_off(factors, slopes=1.0):
    """1 for factors above zero, 0 for others.

    Args:
        factors: A tensor.
        slopes: The gradient of each, constants.
    """
    hard = ops.cast(factors > 0, factors.dtype)
    passed = factors * slopes
    return passed + ops.stop_gradient(hard - passed)


class CountedChannels:
    """Counts the channels that are on, with a gradient that suits each group.

    The gradient of a count is that of the factors: 1. But where what reads a group is normalised,
    as convolutions before a BatchNormalization are, a scale that the group's factors share has no
    effect. So the task's loss holds it nowhere: a budget that pulls at all factors alike shrinks
    them together, until they are so small that which one is lost is left to chance. Such a group
    counts as its effective number of channels, which depends on ratios alone, and as its factors
    in units of their scale q, which is taken as a constant:

        5 / 2 (sum f)^2 / sum f^2 + sum f / q,  q = sum f^2 / sum f

    The gradient is `(1 + 5 (1 - f / q)) / q`: 1 where all factors are 1, 6 for a factor near zero
    beside them, and less than 0 for one well above the scale. So some are lost, and others grow.

    Args:
        groups: The `ChannelGroup`s, in the order in which their factors are joined.
        of_ratios: Whether a group is counted by ratios, for each of them.
    """

    def __init__(self, groups: list, of_ratios: list[bool]):
        of_each = np.repeat(np.arange(len(groups) + 1), [*(g.size for g in groups), 1])
        self._groups = Segments(of_each, len(groups) + 1)
        self._is_any = any(of_ratios)
        self._of_ratios = held(np.array([*of_ratios, False])[of_each] * 1.0)

    def __call__(self, factors):
        """1 for factors above zero, 0 for others.

        Args:
            factors: Those of all groups, as `FlatLayout` joins them.
        """
        if not self._is_any:
            return on_or_off(factors)
        means = self._groups.means(factors)
        scales = self._groups.means(ops.square(factors)) / ops.maximum(means, 1e-6)
        scales = self._groups.spread(ops.maximum(scales, LEAST_SCALE))
        slopes = ops.where(self._of_ratios > 0, (1 + RATIOS * (1 - factors / scales)) / scales, 1.0)
        return on_or_off(factors, ops.stop_gradient(slopes))
