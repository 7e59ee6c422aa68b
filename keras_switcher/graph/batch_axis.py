"""The batch axis: positions, such as windows, that a reshape moves among the samples."""

from math import prod

import keras
from keras import tree

from keras_switcher.graph.call import CallGraph

_ALONG_AN_AXIS = ("Concatenate", "Stack", "Repeat")


def rows_per_sample(graph: CallGraph) -> dict[int, int | None]:
    """How many rows of the first axis of tensors belong to one sample, where that is not 1.

    Followed are reshapes; what else may change their number makes it unknown.

    Args:
        graph: The `CallGraph`.

    Returns:
        Maps the `id` of a tensor to the number of rows; None if it is not known.
    """
    rows = {}
    for call in graph.calls:
        of_inputs = [rows.get(id(tensor), 1) for tensor in call.inputs]
        number = None if None in of_inputs else max(of_inputs, default=1)
        kind = type(call.op).__name__
        if kind == "Reshape" and not isinstance(call.op, keras.layers.Layer):
            number = _reshaped(number, call.input.shape, call.output.shape)
        elif (kind in _ALONG_AN_AXIS and call.op.axis == 0) or kind == "Tile":
            number = None
        if number != 1:
            rows.update((id(tensor), number) for tensor in tree.flatten(call.outputs))
    return rows


def _reshaped(rows, before, after):
    if rows is None or not before or not after:
        return rows
    if before[0] is not None:  # The number of samples is fixed, or this is no axis of samples.
        more = after[0] is not None and after[0] % before[0] == 0
        return rows * after[0] // before[0] if more else rows
    if None in (*before[1:], *after[1:]) or rows * prod(before[1:]) % prod(after[1:]):
        return None
    return rows * prod(before[1:]) // prod(after[1:])
