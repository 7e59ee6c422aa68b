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
