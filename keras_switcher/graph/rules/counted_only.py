"""Rules for attention and recurrence: never pruned, but counted."""

import inspect

import keras
from keras import layers, tree

from keras_switcher.graph.call import Call
from keras_switcher.graph.reader import Reader
from keras_switcher.graph.registry import NO_RULE, rule

_PROJECTIONS = {"query": "_query_dense", "key": "_key_dense", "value": "_value_dense"}
_CELLS = (layers.SimpleRNNCell, layers.LSTMCell, layers.GRUCell)
_CONVOLUTIONAL = (layers.ConvLSTM1D, layers.ConvLSTM2D, layers.ConvLSTM3D)


@rule(layers.MultiHeadAttention, layers.GroupQueryAttention)
def attention(call: Call, reader: Reader) -> None:
    """Counts the projections; the products of queries, keys and values have no kernel."""
    given = inspect.signature(call.op.call).bind(*call.args, **call.kwargs).arguments
    given = {"key": given["value"], **{name: x for name, x in given.items() if x is not None}}
    read = {attribute: given[name] for name, attribute in _PROJECTIONS.items()}
    # The gate, which not every layer has, and the output have the positions of the query.
    read |= {"_gate_dense": given["query"], "_output_dense": given["query"]}
    kernels = [
        (projection, reader.sizes_along(tensor, range(1, len(tensor.shape) - 1)))
        for attribute, tensor in read.items()
        if (projection := getattr(call.op, attribute, None)) is not None
    ]
    _stays_whole(call, reader)
    if any(projection.quantization_mode for projection, _ in kernels):
        reader.refuse(call, f"feeds '{call.name}', whose kernels are quantized")
        return
    for projection, positions in kernels:
        reader.count_kernel(call, projection.kernel, positions)


@rule(layers.SimpleRNN, layers.LSTM, layers.GRU, layers.RNN, layers.Bidirectional)
@rule(*_CONVOLUTIONAL)
def recurrent(call: Call, reader: Reader) -> None:
    """Counts both kernels of each cell once per step."""
    _stays_whole(call, reader)
    layer, positions = call.op, reader.sizes_along(call.input, [1])
    directions = [layer]
    if type(layer) is layers.Bidirectional:
        directions = [layer.forward_layer, layer.backward_layer]
    if type(directions[0]) in _CONVOLUTIONAL:
        positions += _spatial(directions[0], tree.flatten(call.outputs)[0])
        cells = [direction.cell for direction in directions]
    else:
        stacks = [getattr(each, "cell", None) for each in directions]
        cells = [cell for stack in stacks for cell in getattr(stack, "cells", [stack])]
        if not all(type(cell) in _CELLS for cell in cells):
            reader.refuse(call, f"feeds '{call.name}', whose cells have no rule")
            return
    for cell in cells:
        for kernel in (cell.kernel, cell.recurrent_kernel):
            reader.count_kernel(call, kernel, positions)


def _stays_whole(call: Call, reader: Reader) -> None:
    kind = type(call.op).__name__
    reason = f"feeds '{call.name}', and no rule is known for {kind} that cuts it"
    if closed := reader.graph.closed.get(id(call.op)):
        reason += f"; it is not opened: {closed.reason}"
    reader.lock_inputs(call, reason, NO_RULE)


def _spatial(layer: layers.Layer, tensor: keras.KerasTensor) -> list[int | None]:
    """The sizes along the spatial axes of what a convolutional LSTM returns."""
    sizes = list(tensor.shape[2 if layer.return_sequences else 1 :])
    return sizes[1:] if layer.data_format == "channels_first" else sizes[:-1]
