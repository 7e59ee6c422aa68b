"""Reductions of many groups, or of large matrices.

XLA on CPU takes longer to add up all of a Dense kernel, in one reduction, than to multiply a batch
by it. A product with ones takes a tenth of that, and is fused with what it adds.
"""

from collections.abc import Callable

import numpy as np
from keras import ops

from keras_switcher.tensors import Tensor, as_constant


class Segments:
    """A partition of values into groups: means over groups, and group values given to members.

    Args:
        of_each: For each value the number of its group, from 0.
        number: The number of groups.
    """

    def __init__(self, of_each: np.ndarray, number: int) -> None:
        self._is_identity = np.array_equal(of_each, np.arange(number))
        self._of_each, self._number = as_constant(of_each), number
        self._sizes = as_constant(np.maximum(np.bincount(of_each, minlength=number), 1.0))

    def means(self, values: Tensor) -> Tensor:
        """The mean over each group along the first axis; zero for groups without values."""
        if self._is_identity:
            return values
        sums = ops.segment_sum(values, self._of_each, num_segments=self._number)
        sizes = ops.reshape(self._sizes, (-1, *(1 for _ in sums.shape[1:])))
        return sums / ops.cast(sizes, sums.dtype)

    def to_members(self, values: Tensor) -> Tensor:
        """Gives each member the value of its group, along the first axis."""
        return ops.take(values, self._of_each, axis=0)


# How many slices are added up while a matrix is read once.
SLICES = 8


def row_sums(matrix: Tensor) -> Tensor:
    """The sum of each row of a matrix, as a vector."""
    return ops.matmul(matrix, ops.ones(matrix.shape[1], matrix.dtype))


@ops.custom_gradient
def column_sums(matrix: Tensor) -> tuple[Tensor, Callable]:
    """The sum of each column of a matrix, as a vector.

    A product with ones would go down one column after the other. Slices of the matrix are added up
    whole rows at a time, in about half of the time.
    """
    size = matrix.shape[0] // SLICES
    slices = [matrix[i * size : (i + 1) * size] for i in range(SLICES)]
    sums = ops.sum(sum(slices), axis=0) + ops.sum(matrix[SLICES * size :], axis=0)

    def gradient(*given: Tensor, upstream: Tensor | None = None) -> Tensor:
        return ops.broadcast_to(_upstream(given, upstream), matrix.shape)

    return sums, gradient


def total(values: Tensor) -> Tensor:
    """The sum of a vector or matrix."""
    return ops.sum(row_sums(values) if len(values.shape) == 2 else values)


@ops.custom_gradient
def times(matrix: Tensor, scalar: Tensor) -> tuple[Tensor, Callable]:
    """A matrix times a scalar; the gradient to the scalar is a `total`."""

    def gradient(*given: Tensor, upstream: Tensor | None = None) -> tuple[Tensor, Tensor]:
        upstream = _upstream(given, upstream)
        return upstream * scalar, total(upstream * matrix)

    return matrix * scalar, gradient


def _upstream(given: tuple[Tensor, ...], upstream: Tensor | None) -> Tensor:
    """What a custom gradient gets: PyTorch names it, behind the inputs, others pass it alone."""
    return given[-1] if upstream is None else upstream
