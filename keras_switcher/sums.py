"""Sums over large matrices, mostly by way of products with ones.

XLA on CPU takes longer to add up all of a Dense kernel, in one reduction, than to multiply a batch
by it. A product with ones takes a tenth of that, and is fused with what it adds.
"""

from keras import ops

# How many slices are added up while a matrix is read once.
SLICES = 8


def row_sums(matrix):
    """The sum of each row of a matrix, as a vector."""
    return ops.matmul(matrix, ops.ones(matrix.shape[1], matrix.dtype))


@ops.custom_gradient
def column_sums(matrix):
    """The sum of each column of a matrix, as a vector.

    A product with ones would go down one column after the other. Slices of the matrix are added up
    whole rows at a time, in about half of the time.
    """
    size = matrix.shape[0] // SLICES
    slices = [matrix[i * size : (i + 1) * size] for i in range(SLICES)]
    sums = ops.sum(sum(slices), axis=0) + ops.sum(matrix[SLICES * size :], axis=0)

    def gradient(upstream):
        return ops.broadcast_to(upstream, matrix.shape)

    return sums, gradient


def total(values):
    """The sum of a vector or matrix."""
    return ops.sum(row_sums(values) if len(values.shape) == 2 else values)


@ops.custom_gradient
def times(matrix, scalar):
    """A matrix times a scalar, whose gradient is such a sum."""

    def gradient(upstream):
        return upstream * scalar, total(upstream * matrix)

    return matrix * scalar, gradient
