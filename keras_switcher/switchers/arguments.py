"""Checks of arguments that several switchers have."""

from math import inf, isfinite
from numbers import Real
from typing import Any


def check_number(
    name: str, value: Any, what: str, least: float = -inf, above: bool = False, most: float = inf
) -> None:
    """Raises ValueError if an argument is no finite number of a range.

    Args:
        name: The argument's name.
        value: What was passed.
        what: What it must be, in words.
        least: The least that it may be.
        above: Whether it must be above this.
        most: The most that it may be, not included if `above`.
    """
    is_number = isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)
    if not is_number or not (least < value < most if above else least <= value <= most):
        raise ValueError(f"`{name}` must be {what}. Received: {name}={value!r}.")
