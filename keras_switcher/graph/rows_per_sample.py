"""Rows per sample: how reshapes (window partitioning, say) move positions into the batch axis."""

from math import prod

import keras
from keras import tree

from keras_switcher.graph.call import Call, CallGraph, is_stock
from keras_switcher.tensors import Shape

# What does the same for each sample, whatever else lies along the axis of these.
_PASSES_SAMPLES = (
    *("Reshape", "Transpose", "Swapaxes", "Moveaxis", "ExpandDims", "Unstack", "GetItem", "Cast"),
    *("Matmul", "Einsum", "Softmax", "Add", "Subtract", "Multiply", "Divide", "TrueDivide"),
    *("Negative", "Exp", "Tanh", "Sigmoid", "Where", "Maximum", "Minimum", "StopGradient"),
    *("EinsumDense", "Dropout", "Activation", "Identity", "LayerNormalization", "RMSNormalization"),
)
_ALONG_AN_AXIS = ("Concatenate", "Stack", "Repeat", "Append")


def rows_per_sample(graph: CallGraph) -> dict[int, int | None]:
    """How many rows of the first axis of tensors belong to one sample, where that is not 1.

    Followed are reshapes; what else may change their number makes it unknown.

    Args:
        graph: The `CallGraph`.

    Returns:
        Maps the `id` of a tensor to the number of rows; None if it is not known.
    """
    rows: dict[int, int | None] = {}
    for call in graph.calls:
        of_inputs = [rows.get(id(tensor), 1) for tensor in call.inputs]
        known = [number for number in of_inputs if number is not None]
        number = max(known, default=1) if len(known) == len(of_inputs) else None
        kind = type(call.op).__name__
        if kind == "Reshape" and not isinstance(call.op, keras.layers.Layer):
            number = _reshaped(number, call.input.shape, call.output.shape)
        elif (kind in _ALONG_AN_AXIS and call.op.axis == 0) or kind in ("Tile", "Vstack"):
            number = None
        if number != 1:
            rows.update((id(tensor), number) for tensor in tree.flatten(call.outputs))
    return rows


def _reshaped(rows: int | None, before: Shape, after: Shape) -> int | None:
    """The rows per sample behind a reshape; None if they are not known."""
    if rows is None or not before or not after:
        return rows
    if before[0] is not None:  # The number of samples is fixed, or this is no axis of samples.
        if after[0] is None or after[0] % before[0]:
            return rows
        return rows * after[0] // before[0]
    old, new = _product(before[1:]), _product(after[1:])
    if old is None or new is None or rows * old % new:
        return None
    return rows * old // new


def _product(sizes: Shape) -> int | None:
    """The number of entries; None if a size is open."""
    known = [size for size in sizes if size is not None]
    return prod(known) if len(known) == len(sizes) else None


def passes_samples(call: Call) -> bool:
    """Whether a call may do the same for each sample where channels lie among the samples.

    Args:
        call: The call.
    """
    return is_stock(call.op) and type(call.op).__name__ in _PASSES_SAMPLES
