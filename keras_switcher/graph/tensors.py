"""The symbolic tensors of Keras models: what they are, and structures of them."""

from typing import Any

import keras
from keras import tree


def is_tensor(x: Any) -> bool:
    """Whether `x` is a symbolic tensor."""
    return isinstance(x, keras.KerasTensor)


def inputs_like(tensors: Any) -> Any:
    """Fresh `keras.Input` tensors like those of a model, in the same structure."""

    def new(x):
        return keras.Input(
            batch_shape=x.shape,
            dtype=x.dtype,
            sparse=x.sparse,
            ragged=x.ragged,
            name=x.name,
            optional=x._keras_history.operation.optional,  # The tensor itself does not say it.
        )

    return tree.map_structure(new, tensors)


def paired(tensors: Any, values: Any) -> dict[int, Any]:
    """Maps the id of each tensor of a structure to the value at the same place of another."""
    return {
        id(tensor): value
        for tensor, value in zip(tree.flatten(tensors), tree.flatten(values), strict=True)
        if is_tensor(tensor)
    }
