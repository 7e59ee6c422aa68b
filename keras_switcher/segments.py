"""Values of many groups laid end to end, in a few operations for any number of them."""

import numpy as np
from keras import ops

from keras_switcher.held import held


class Segments:
    """Which group each of the values belongs to: means over groups, and what a group has, spread.

    Args:
        of_each: For each value the number of its group.
        number: The number of groups.
    """

    def __init__(self, of_each: np.ndarray, number: int):
        self._is_identity = np.array_equal(of_each, np.arange(number))
        self._of_each, self._number = held(of_each), number
        self._sizes = held(np.maximum(np.bincount(of_each, minlength=number), 1.0))

    def means(self, values):
        """The mean over each group along the first axis; zero for groups without values."""
        if self._is_identity:
            return values
        sums = ops.segment_sum(values, self._of_each, num_segments=self._number)
        sizes = ops.reshape(self._sizes, (-1, *(1 for _ in sums.shape[1:])))
        return sums / ops.cast(sizes, sums.dtype)

    def spread(self, values):
        """Gives each value's place what belongs to its group, along the first axis."""
        return ops.take(values, self._of_each, axis=0)
