"""Arguments of constructors: checks that several parts have, and what a configuration holds."""

import inspect
from math import inf, isfinite
from numbers import Integral, Real
from typing import Any

# How channels are chosen over several groups, see `keras_switcher.prune`.
ALLOCATIONS = ("global", "uniform")


def is_number(value: Any) -> bool:
    """Whether an argument is a finite number."""
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)


def is_whole(value: Any, least: int) -> bool:
    """Whether an argument is a whole number from `least` on."""
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least


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
    fits = is_number(value) and (least < value < most if above else least <= value <= most)
    if not fits:
        raise ValueError(f"`{name}` must be {what}. Received: {name}={value!r}.")


def check_allocation(value: Any, or_else: str = "") -> None:
    """Raises ValueError if an allocation is none of these names.

    Args:
        value: What was passed.
        or_else: What else it may be, in words.
    """
    if not isinstance(value, str) or value not in ALLOCATIONS:
        raise ValueError(
            f"`allocation` must be one of {ALLOCATIONS}{or_else}. Received: allocation={value!r}."
        )


def check_floor(value: Any) -> None:
    """Raises ValueError if the share of each group that stays in any case is none."""
    if not (is_number(value) and 0 <= value < 1):
        raise ValueError(f"`floor` must be a share from 0 to below 1. Received: floor={value!r}.")


def own_arguments(of: type, made: object) -> dict[str, Any]:
    """The arguments of a class's constructor by name, from attributes of the same names.

    Args:
        of: The class; a subclass may have other arguments.
        made: An object of it.
    """
    # Of the class itself, Keras's are those of __new__.
    _, *parameters = inspect.signature(vars(of)["__init__"]).parameters.values()
    return {p.name: getattr(made, p.name) for p in parameters if p.kind is not p.VAR_KEYWORD}
