"""Held: what a call() assigns to attributes of its layer is undone after it was looked into."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from keras import layers


@contextmanager
def attributes_restored(parts: Iterable[layers.Layer]) -> Iterator[None]:
    """A scope after which layers hold what they held before, also in their lists and dicts.

    A call() may keep what it computes, as its last scores or a cache: symbolic tensors would stay
    there, and tensors of random samples.

    Args:
        parts: The layers.
    """
    before = [(vars(part), dict(vars(part)), _contents(vars(part))) for part in parts]
    try:
        yield
    finally:
        for held, values, contents in before:
            # Past Keras's own setattr, which would keep books of it.
            held.clear()
            held.update(values)
            for value, content in contents:
                _refill(value, content)


def _contents(held: dict[str, Any]) -> list[tuple[Any, Any]]:
    """The lists and dicts among attributes, with what is in each."""
    # TensorFlow wraps those of models.
    found = [getattr(value, "__wrapped__", value) for value in held.values()]
    return [
        (value, kind(value))
        for value in found
        for kind in (list, dict)
        if issubclass(type(value), kind)
    ]


def _refill(value: Any, content: Any) -> None:
    if _members(value) == _members(content):
        return
    # Keras's lists and dicts keep books of what is put into them, but not in this way.
    if isinstance(value, list):
        list.__setitem__(value, slice(None), content)
    else:
        dict.clear(value)
        dict.update(value, content)


def _members(value: Any) -> list:
    return [id(x) for x in (value if isinstance(value, list) else [*value, *value.values()])]
