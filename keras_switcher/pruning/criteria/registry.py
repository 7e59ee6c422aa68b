"""The registry of criteria by name."""

from collections.abc import Callable
from typing import Any

from keras_switcher.pruning.criteria.criterion import Criterion

_CRITERIA: dict[str, Callable[[], Criterion]] = {}


def register(name: str) -> Callable:
    """A decorator that makes a `Criterion` known by a name; see `Criterion` for an example.

    Args:
        name: The name by which `prune` takes it.
    """

    def add(made: Callable[[], Criterion]) -> Callable[[], Criterion]:
        _CRITERIA[name] = made
        return made

    return add


def names() -> tuple[str, ...]:
    """The names of all criteria."""
    return tuple(_CRITERIA)


def get(criterion: Any) -> Criterion:
    """A criterion by name, or the criterion itself.

    Args:
        criterion: A name or a `Criterion`.

    Raises:
        ValueError: If it is neither.

    Example:

    >>> get("group_norm").order
    2
    """
    if isinstance(criterion, Criterion):
        return criterion
    if isinstance(criterion, str) and criterion in _CRITERIA:
        return _CRITERIA[criterion]()
    raise ValueError(
        f"`criterion` must be one of {names()} or a keras_switcher.criteria.Criterion. "
        f"Received: criterion={criterion!r}."
    )
