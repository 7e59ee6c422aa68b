"""Rules for wrappers: what the layer inside does, the wrapper does."""

import keras
from keras import layers, tree

from keras_switcher.graph.call import Call
from keras_switcher.graph.origins import NO_RULE
from keras_switcher.graph.reader import Reader
from keras_switcher.graph.registry import find_rule, rule


@rule(layers.TimeDistributed)
def time_distributed(call: Call, reader: Reader) -> None:
    """The layer inside sees each step by itself; channels lie one axis further on outside."""
    layer = call.op.layer
    known, kind = find_rule(layer), type(layer).__name__
    if known is None or len(call.inputs) > 1 or len(tree.flatten(call.outputs)) > 1:
        what = "reads a mask" if len(call.inputs) > 1 else f"and no rule is known for {kind} in it"
        reader.refuse(call, f"feeds '{call.name}', a TimeDistributed, {what}", NO_RULE)
        return
    read, made = (_step(tensor) for tensor in (call.input, call.output))
    for axis, ids in reader.labels(call.input).items():
        if axis == 1:
            reader.label(call.output, 1, ids)
        else:
            reader.label(read, max(axis - 1, 0), ids)
    inner = Call(layer, call.name, (read,), {}, made)
    reader.read_inside(call, inner, known, steps=reader.sizes_along(call.input, [1]))
    for axis, ids in reader.labels(made).items():
        reader.label(call.output, axis + 1 if axis else 0, ids)


@rule(layers.SpectralNormalization)
def spectral_normalization(call: Call, reader: Reader) -> None:
    """In training the kernel is divided by its norm, which is that of all its channels.

    It is assigned: a trained network computes the same with the layer inside alone.
    """
    how = "in training it divides its kernel by a norm of all of its channels"
    way = "once trained, its `layer` does the same without it"
    reader.refuse(call, f"feeds '{call.name}': {how}; {way}", "whose kernel it normalises")


def _step(tensor: keras.KerasTensor) -> keras.KerasTensor:
    """One step of a sequence."""
    return keras.KerasTensor((tensor.shape[0], *tensor.shape[2:]), tensor.dtype)
