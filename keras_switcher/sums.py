"""Sums over large matrices, by way of products with ones.

XLA on CPU takes longer to add up all of a Dense kernel, in one reduction, than to multiply a batch
by it. A product with ones takes a tenth of that, and is fused with what it adds.
"""

from keras import ops


def row_sums(matrix):
    """The sum of each row of a matrix, as a vector."""
    return ops.matmul(matrix, ops.ones(matrix.shape[1], matrix.dtype))


def column_sums(matrix):
    """The sum of each column of a matrix, as a vector: fused too, but not as quick as of rows."""
    return ops.matmul(ops.ones(matrix.shape[0], matrix.dtype), matrix)


def total(values):
    """The sum of a vector or matrix."""
    return ops.sum(row_sums(values) if len(values.shape) == 2 else values)


@ops.custom_gradient
def times(matrix, scalar):
    """A matrix times a scalar, whose gradient is such a sum."""

    def gradient(upstream):
        return upstream * scalar, total(upstream * matrix)

    return matrix * scalar, gradient
