"""Inputs of a model: symbolic copies, open sizes filled in, values arranged."""

from typing import Any

import keras
from keras import tree

from keras_switcher.arguments import is_whole
from keras_switcher.tensors import Shape


def inputs_like(tensors: Any, values: Any = None) -> Any:
    """Fresh `keras.Input` tensors like those of a model, in the same structure.

    Args:
        tensors: The model's inputs.
        values: What it is called with, if that is known: sizes that its inputs leave open are
            those of these tensors.
    """
    flat = tree.flatten(tensors)
    given = flat if values is None else tree.flatten(arranged(values, tensors))
    made = {id(t): _input_like(t, _sizes(t, x)) for t, x in zip(flat, given, strict=True)}
    # Not by pack_sequence_as: under PyTorch it sorts dicts.
    return tree.map_structure(lambda tensor: made[id(tensor)], tensors)


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


def inputs_of_shape(model: keras.Model, shapes: list | tuple | dict | None) -> Any:
    """Tensors like a model's inputs, with open sizes filled in.

    Args:
        model: A built Functional or Sequential model.
        shapes: A shape without the samples; for several inputs a list of shapes, or a dict by
            their names. None leaves sizes open.

    Returns:
        A list of tensors in the order of `model.inputs`, or a dict by name; None for None.

    Raises:
        ValueError: If `shapes` does not fit the inputs.
    """
    inputs = tree.flatten(getattr(model, "inputs", None))
    if shapes is None or not all(isinstance(tensor, keras.KerasTensor) for tensor in inputs):
        return None  # trace() raises the error.
    names = [tensor.name for tensor in inputs]
    expected = {tensor.name: tuple(tensor.shape[1:]) for tensor in inputs}
    if isinstance(shapes, dict):
        given = {**expected, **shapes}
        fits = set(given) == set(names)
    else:
        several = isinstance(shapes, (list, tuple)) and any(map(_is_shape, shapes))
        listed = list(shapes) if several else [shapes]
        fits = len(listed) == len(names)
        given = dict(zip(names, listed, strict=False))
    if not fits or not all(_fits(given[name], expected[name]) for name in names):
        raise ValueError(
            "`input_shape` must be a shape without the samples, with the sizes that are fixed and "
            "a number for each that is open; for several inputs a list of shapes, or a dict by "
            f"name. The inputs are {expected}. Received: input_shape={shapes!r}."
        )
    structure = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    return tree.map_structure(
        lambda tensor: keras.KerasTensor((tensor.shape[0], *given[tensor.name]), tensor.dtype),
        structure,
    )


def _is_shape(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _fits(shape: Any, expected: tuple) -> bool:
    """Whether a shape has the sizes that are fixed, and numbers or None in the other places."""
    if not _is_shape(shape) or len(shape) != len(expected):
        return False
    return all(
        size == known if known is not None else size is None or is_whole(size, 1)
        for size, known in zip(shape, expected, strict=True)
    )


def _input_like(x: keras.KerasTensor, shape: Shape) -> keras.KerasTensor:
    return keras.Input(
        batch_shape=shape,
        dtype=x.dtype,
        sparse=x.sparse,
        ragged=x.ragged,
        name=x.name,
        optional=x._keras_history.operation.optional,  # The tensor itself does not say it.
    )


def _sizes(tensor: keras.KerasTensor, value: Any) -> Shape:
    """The sizes of a tensor; where they are open, those of the value in its place."""
    known = getattr(value, "shape", None)
    if known is None or len(known) != len(tensor.shape):
        return tensor.shape
    return tuple(b if a is None else a for a, b in zip(tensor.shape, known, strict=True))
