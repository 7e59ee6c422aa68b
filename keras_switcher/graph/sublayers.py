"""Sublayers: a layer and all layers nested in it."""

import keras


def with_sublayers(op: keras.Operation) -> list[keras.Operation]:
    """A layer and then all layers nested in it, however deep; of another operation, itself alone.

    Args:
        op: The layer or operation.

    Example:

    >>> inner = keras.Sequential([keras.layers.Dense(2, name="inside")], name="inner")
    >>> [part.name for part in with_sublayers(keras.Sequential([inner], name="outer"))]
    ['outer', 'inner', 'inside']
    """
    # Private: a model has `layers`, but no other layer tells which ones it holds.
    return op._flatten_layers() if isinstance(op, keras.layers.Layer) else [op]
