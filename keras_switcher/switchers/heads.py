"""The head of a switcher: from raw values to factors."""

from numbers import Real

from keras import ops

from keras_switcher.tensors import Tensor

# Chosen on validation splits, see `recipes/results/`.
CEILING = 1.5

# Standard deviation of raw values from which some channels are to be removed. If all values fell
# together, the outputs of a network without normalisations would vanish before one is zero.
SPREAD = 0.3
# Standard deviation and mean of the raw values. With "one" a wrapped network computes what it did;
# under a budget its values spread as the target begins to fall, see `Switcher.spread`.
STARTS = {"one": (0.0, 1.0), "near_one": (SPREAD, 1.0), "half_zeros": (1.0, 0.0)}
START = "one"


def check_head(start: str, ceiling: float | None) -> None:
    """Raises ValueError if `start` is unknown, or `ceiling` is a number that is not above 1."""
    if start not in STARTS:
        raise ValueError(f"`start` must be one of {tuple(STARTS)}. Received: start={start!r}.")
    if ceiling is not None and not (isinstance(ceiling, Real) and ceiling > 1):
        raise ValueError(
            "`ceiling` is what factors stay below: a number above 1, where they start, or None for "
            f"no bound. Received: ceiling={ceiling!r}."
        )


def group_mean_at_start(beta: float, size: int) -> float:
    """The mean of a group's raw values at the start, if those of larger groups have mean beta.

    One channel alone is always at its mean: it starts at one, not at zero for ever.
    """
    return beta if size > 1 else max(beta, 1.0)


def as_factors(values: Tensor, ceiling: float | None) -> Tensor:
    """Factors of raw values: 0 below zero, 1 at one, and never more than the ceiling.

    With a ceiling c, `c x / (x + c - 1)`, where x is the value or zero. It is steep near zero and
    flat far above one, so that a budget removes the channels that are near zero, and factors do
    not grow in the place of weights.

    Args:
        values: A tensor.
        ceiling: A number above 1, or None for `relu(values)`.
    """
    values = ops.relu(values)
    return values if ceiling is None else ceiling * values / (values + (ceiling - 1))
