"""Attributes of layers and models, wherever the backend keeps them."""

from typing import Any

import keras


def attributes_of(op: keras.Operation) -> dict[str, Any]:
    """The attributes of a layer, by name: its `vars`, and the layers among its attributes.

    Under PyTorch a layer is a module, which keeps the modules that it holds in a dictionary.

    Args:
        op: The layer or operation.

    Example:

    >>> prelu = keras.layers.PReLU()
    >>> attributes_of(keras.layers.Dense(2, activation=prelu))["activation"] is prelu
    True
    """
    held = vars(op)
    if keras.backend.backend() != "torch":
        return held
    modules = held.get("_modules", {}).items()
    return {**held, **{name: m for name, m in modules if isinstance(m, keras.layers.Layer)}}


def attribute_with(op: keras.Operation, variable: keras.Variable) -> str | None:
    """The name of the attribute in which a layer, or the layer that it wraps, has a variable.

    Args:
        op: The layer.
        variable: The variable.

    Example:

    >>> wrapper = keras.layers.TimeDistributed(keras.layers.Embedding(3, 2))
    >>> wrapper.build((None, 4, 5))
    >>> attribute_with(wrapper, wrapper.layer.embeddings)
    'layer._embeddings'
    """
    for prefix, holder in (("", op), ("layer.", attributes_of(op).get("layer"))):
        held = {} if holder is None else vars(holder)
        for name, value in held.items():
            if value is variable:
                return prefix + name
    return None
