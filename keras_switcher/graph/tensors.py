"""The symbolic tensors of Keras models: what they are, and structures of them."""

from typing import Any

import keras
from keras import tree


def is_tensor(x: Any) -> bool:
    """Whether `x` is a symbolic tensor."""
    return isinstance(x, keras.KerasTensor)


def samples_axis(x: Any) -> int | None:
    """The axis of a tensor along which samples lie; None if their number is fixed."""
    sizes = x.shape if is_tensor(x) else ()
    return sizes.index(None) if sizes.count(None) == 1 else None


def inputs_like(tensors: Any, values: Any = None) -> Any:
    """Fresh `keras.Input` tensors like those of a model, in the same structure.

    Args:
        tensors: The model's inputs.
        values: What it is called with, if that is known: sizes that its inputs leave open are
            those of these tensors.
    """
    flat = tree.flatten(tensors)
    given = flat if values is None else tree.flatten(arranged(values, tensors))
    made = [_input_like(tensor, _sizes(tensor, x)) for tensor, x in zip(flat, given, strict=True)]
    return tree.pack_sequence_as(tensors, made)


def arranged(values: Any, tensors: Any) -> Any:
    """Values in the structure of a model's inputs; those in a dict go by name, as in Keras.

    Args:
        values: What the model is called with.
        tensors: The model's inputs.

    Raises:
        ValueError: If a dict has nothing for one of the inputs, or no dict is passed where only
            names can tell which is which.
    """
    named = isinstance(tensors, dict)
    if not isinstance(values, dict):
        if named and list(tensors) != sorted(tensors):
            raise ValueError(
                f"Expected a dict with values for the model's inputs {list(tensors)}. "
                f"Received: a {type(values).__name__}."
            )
        return values
    names = list(tensors) if named else [tensor.name for tensor in tree.flatten(tensors)]
    if missing := [name for name in names if name not in values]:
        raise ValueError(
            f"Expected a dict with values for the model's inputs {names}. "
            f"Received: {sorted(values)}, without {missing}."
        )
    if named:
        return {name: values[name] for name in names}
    return tree.map_structure(lambda tensor: values[tensor.name], tensors)


def paired(tensors: Any, values: Any) -> dict[int, Any]:
    """Maps the id of each tensor of a structure to the value at the same place of another."""
    return {
        id(tensor): value
        for tensor, value in zip(tree.flatten(tensors), tree.flatten(values), strict=True)
        if is_tensor(tensor)
    }


def _input_like(x, shape):
    return keras.Input(
        batch_shape=shape,
        dtype=x.dtype,
        sparse=x.sparse,
        ragged=x.ragged,
        name=x.name,
        optional=x._keras_history.operation.optional,  # The tensor itself does not say it.
    )


def _sizes(tensor, value):
    """The sizes of a tensor; where they are open, those of the value in its place."""
    known = getattr(value, "shape", None)
    if known is None or len(known) != len(tensor.shape):
        return tensor.shape
    return [b if a is None else a for a, b in zip(tensor.shape, known, strict=True)]
