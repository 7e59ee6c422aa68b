"""Where positions lie among the samples: windows, say, that are reshaped into the batch."""

from math import prod

import keras
from keras import tree

from keras_switcher.graph.call_graph import CallGraph


def rows_per_sample(graph: CallGraph) -> dict[int, int | None]:
    """How long the first axis of tensors is for one sample, where that is not 1.

    Args:
        graph: The `CallGraph`.

    Returns:
        Maps the `id` of a tensor to the number of rows; None if it is not known.
    """
    rows = {}
    for call in graph.calls:
        of_inputs = [rows.get(id(tensor), 1) for tensor in call.inputs]
        number = None if None in of_inputs else max(of_inputs, default=1)
        if type(call.op).__name__ == "Reshape" and not isinstance(call.op, keras.layers.Layer):
            number = _reshaped(number, call.input.shape[1:], call.output.shape[1:])
        if number != 1:
            rows.update((id(tensor), number) for tensor in tree.flatten(call.outputs))
    return rows


def _reshaped(rows, before, after):
    if rows is None or None in (*before, *after) or rows * prod(before) % prod(after):
        return None
    return rows * prod(before) // prod(after)
