"""Names for the layers within a layer, which are the same each time it is built."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import keras

from keras_switcher.graph.attributes import attributes_of
from keras_switcher.graph.rules.own_weight import returns_weight

# Where Keras, TensorFlow and PyTorch keep records of all that was set as attributes.
_RECORDS = re.compile("_layers|_metrics|_operations|_functional|_modules|_self_.*")


class LayerNames:
    """Names the layers within a layer by the attributes that hold them, and operations by type.

    The names that Keras itself gives count on with each layer that is made: those of a block that
    comes from a file would be other ones.

    Args:
        layer: The layer.
    """

    def __init__(self, layer: keras.layers.Layer) -> None:
        self._paths: dict[int, str] = {}
        self._counts: dict[str, int] = defaultdict(int)
        for path, held in _held(layer):
            self._paths.setdefault(id(held), path)

    def of(self, op: keras.Operation) -> str:
        """The name of a layer or operation within the layer.

        Args:
            op: The layer or operation.
        """
        if id(op) not in self._paths and returns_weight(op):
            return op.name
        if id(op) not in self._paths:
            kind = _snake_case(type(op).__name__)
            count = self._counts[kind]
            self._counts[kind] += 1
            self._paths[id(op)] = f"{kind}_{count}" if count else kind
        return self._paths[id(op)]


def joined(prefix: str, name: str) -> str:
    """The name of something inside a layer; one that has the layer's name in it stays as it is.

    Args:
        prefix: The name of the layer; empty for none.
        name: The name within it.

    Example:

    >>> joined("block1", "conv"), joined("block1", "block1_conv")
    ('block1/conv', 'block1_conv')
    """
    has_it = not prefix or name == prefix or name.startswith(f"{prefix}_")
    return name if has_it else f"{prefix}/{name}"


def _held(layer: keras.layers.Layer) -> Iterator[tuple[str, keras.layers.Layer]]:
    """The layers that a layer holds, with the attributes and places in which it holds them."""
    has_graph = getattr(layer, "inputs", None) is not None
    is_model = isinstance(layer, keras.Model) and bool(layer.layers)
    if is_model and (has_graph or not _own_attributes(layer)):
        counts: dict[str, int] = defaultdict(int)
        for held in layer.layers:
            yield _name_in_model(held, counts), held
        return
    for name, value in _own_attributes(layer).items():
        yield from _within(name.lstrip("_"), value)


def _own_attributes(layer: keras.layers.Layer) -> dict[str, Any]:
    """The attributes of a layer that hold layers, those that are not private first."""
    found = {
        name: value
        for name, value in attributes_of(layer).items()
        if not _RECORDS.fullmatch(name) and any(True for _ in _within(name, value))
    }
    return dict(sorted(found.items(), key=lambda item: item[0].startswith("_")))


def _within(path: str, value: Any) -> Iterator[tuple[str, keras.layers.Layer]]:
    if isinstance(value, keras.layers.Layer):
        yield path, value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _within(f"{path}_{key}", part)
    elif isinstance(value, (list, tuple)):
        for place, part in enumerate(value):
            yield from _within(f"{path}_{place}", part)


def _name_in_model(layer: keras.layers.Layer, counts: dict[str, int]) -> str:
    """The name of a layer of a nested model; one that Keras gave counts from the start again."""
    kind = _snake_case(type(layer).__name__)
    if not re.fullmatch(rf"{kind}(_\d+)?", layer.name):
        return layer.name
    counts[kind] += 1
    return kind if counts[kind] == 1 else f"{kind}_{counts[kind] - 1}"


def _snake_case(name: str) -> str:
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
