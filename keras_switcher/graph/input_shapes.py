"""The `input_shape` argument: fills the open sizes of a model's inputs."""

from numbers import Integral
from typing import Any

import keras
from keras import tree


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
        return None  # What is wrong with the model is said where it is read.
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
    made = [
        keras.KerasTensor((tensor.shape[0], *given[tensor.name]), tensor.dtype) for tensor in inputs
    ]
    structure = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    return tree.pack_sequence_as(structure, made)


def _is_shape(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _fits(shape: Any, expected: tuple) -> bool:
    """Whether a shape has the sizes that are fixed, and numbers or None in the other places."""
    if not _is_shape(shape) or len(shape) != len(expected):
        return False
    return all(
        size == known if known is not None else size is None or _is_size(size)
        for size, known in zip(shape, expected, strict=True)
    )


def _is_size(size: Any) -> bool:
    return isinstance(size, Integral) and not isinstance(size, bool) and int(size) > 0
