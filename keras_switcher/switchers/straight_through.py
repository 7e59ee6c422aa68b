"""Straight-through estimators (Bengio, Leonard and Courville 2013, arXiv 1308.3432)."""

from keras import ops

from keras_switcher.tensors import Tensor


def straight_through(values: Tensor, soft: Tensor, where: Tensor = 1.0) -> Tensor:
    """Returns `values`, with the gradient of `soft` added to their own.

    Args:
        values: The tensor to return. Its own gradient stays.
        soft: A tensor of the same shape, through which the gradient passes.
        where: 1 where it passes, 0 elsewhere.
    """
    return values + ops.cast(where, values.dtype) * (soft - ops.stop_gradient(soft))


def straight_through_step(factors: Tensor) -> Tensor:
    """1 for factors above zero, 0 for others; the gradient is that of the factors."""
    return straight_through(ops.cast(factors > 0, factors.dtype), factors)
