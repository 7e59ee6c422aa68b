"""Plain values: what a call() may return beside tensors, as sizes and None."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from keras import layers, tree


def is_value(x: Any) -> bool:
    """Whether a layer that returns this beside tensors can be opened.

    Args:
        x: What is among the layer's outputs.
    """
    return x is None or isinstance(x, (bool, int, float))


@contextmanager
def values_returned(values: dict[int, tuple[Any, Any]], around: layers.Layer) -> Iterator[None]:
    """A scope in which layers return values where symbolic tensors stand for them.

    Keras notes each call of a layer on symbolic tensors, with nothing but such tensors among its
    outputs.

    Args:
        values: Pairs of a symbolic tensor and what it stands for, by the tensor's `id`.
        around: The layer that the others are in: it returns what is noted.
    """
    call = layers.Layer.__call__

    def called(layer: layers.Layer, *args: Any, **kwargs: Any) -> Any:
        made = call(layer, *args, **kwargs)
        if layer is around or not values:
            return made
        return tree.map_structure(lambda x: values.get(id(x), (x, x))[1], made)

    layers.Layer.__call__ = called
    try:
        yield
    finally:
        layers.Layer.__call__ = call
