"""Ends: names, shapes and types of what a network reads and returns."""

from typing import Any

import keras
from keras import tree

from keras_switcher.graph.call import CallGraph
from keras_switcher.pruning.export.names import names_of_outputs


def inputs_in(graph: CallGraph) -> list[dict[str, Any]]:
    """The inputs of a network, in their order when they are flattened.

    Args:
        graph: The network's `CallGraph`.
    """
    return [_described(x.name, x) for x in tree.flatten(graph.inputs)]


def outputs_in(graph: CallGraph) -> list[dict[str, Any]]:
    """The outputs of a network, named as in exported files, in their order when flattened.

    Args:
        graph: The network's `CallGraph`.
    """
    makers = {id(x): call.op.name for call in graph.calls for x in tree.flatten(call.outputs)}
    tensors = tree.flatten(graph.outputs)
    names = names_of_outputs(graph.outputs, [makers.get(id(x), x.name) for x in tensors])
    return [_described(name, x) for name, x in zip(names, tensors, strict=True)]


def _described(name: str, tensor: keras.KerasTensor) -> dict[str, Any]:
    return {"name": name, "shape": list(tensor.shape), "dtype": tensor.dtype}
