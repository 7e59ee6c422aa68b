"""Held: attributes of layers, replaced or assigned to while these are looked into, and put back."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from keras import layers


@contextmanager
def attributes_set(layer: layers.Layer, **values: Any) -> Iterator[None]:
    """A scope in which attributes of a layer, or methods of its class, are replaced.

    Args:
        layer: The layer.
        **values: The values, by name.
    """
    # Past Keras's own setattr, which keeps books of layers and weights, and refuses most changes.
    held = vars(layer)
    before = {name: held[name] for name in values if name in held}
    held.update(values)
    try:
        yield
    finally:
        for name in values.keys() - before.keys():
            held.pop(name, None)
        held.update(before)


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
