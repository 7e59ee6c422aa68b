"""Straight-through estimators (Bengio, Leonard and Courville 2013, arXiv 1308.3432)."""

from keras import ops

from keras_switcher.reductions import Tensor


def straight_through(values: Tensor, soft: Tensor, where: Tensor = 1.0) -> Tensor:
    """The same values, with the gradient of others.

    Args:
        values: What is returned. Its own gradient stays.
        soft: What passes the gradient on.
        where: 1 where it does, 0 elsewhere.
    """
    return values + ops.cast(where, values.dtype) * (soft - ops.stop_gradient(soft))


def straight_through_step(factors: Tensor) -> Tensor:
    """1 for factors above zero, 0 for others; the gradient is that of the factors."""
    return straight_through(ops.cast(factors > 0, factors.dtype), factors)
