"""Kinds: calls of layers that take the same time, and the channels on which it depends."""

import json
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, tree

from keras_switcher.graph.axis import Axis
from keras_switcher.graph.call import Call
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.full_precision import FULL, HALF

# Runtimes fold these into a convolution or leave them out; and what only names things.
FREE = (
    *(layers.InputLayer, layers.BatchNormalization, layers.Dropout, layers.SpatialDropout2D),
    *(layers.GaussianNoise, layers.GaussianDropout, layers.Identity, layers.ReLU, layers.Flatten),
    *(layers.Reshape, layers.ActivityRegularization),
)
_FREE_ACTIVATIONS = (keras.activations.linear, keras.activations.relu, keras.activations.relu6)
# What changes nothing about how long a layer takes; files compute in full precision.
_ASIDE = (
    *("name", "trainable", "dtype", "quantization"),
    *("_initializer", "_regularizer", "_constraint"),
)


@dataclass(eq=False)
class Kind:
    """What calls of layers that take the same time have in common.

    Args:
        key: Text that is the same for all of them, in any process.
        call: The first of them.
        inputs: The axis of channels that it reads, None where all of these stay.
        outputs: That of those it makes, None where all of these stay.
    """

    key: str
    call: Call
    inputs: Axis | None
    outputs: Axis | None

    @property
    def is_tied(self) -> bool:
        """Whether channels that it reads are among those that it makes: they go together."""
        if self.inputs is None or self.outputs is None:
            return True
        return bool({id(g) for g in self.inputs.groups} & {id(g) for g in self.outputs.groups})


def kind_of(call: Call, channel_graph: ChannelGraph) -> Kind | None:
    """The kind of a call; None for one that takes no time of its own.

    Args:
        call: The call.
        channel_graph: The `ChannelGraph` that it is of.
    """
    if isinstance(call.op, FREE) or not call.inputs:
        return None
    if isinstance(call.op, layers.Activation) and call.op.activation in _FREE_ACTIVATIONS:
        return None
    inputs = _last_axis(call.inputs, channel_graph)
    outputs = _last_axis(tree.flatten(call.outputs), channel_graph)
    tensors = (*call.inputs, *tree.flatten(call.outputs))
    shapes = [[list(x.shape[1:]), _type_in_files(x.dtype)] for x in tensors]
    made = inputs is not None, outputs is not None
    told = [type(call.op).__name__, shapes, made, _told(call.op)]
    return Kind(json.dumps(told, default=_written, sort_keys=True), call, inputs, outputs)


def _type_in_files(dtype: str) -> str:
    return FULL if dtype in HALF else dtype


def _last_axis(tensors: list, channel_graph: ChannelGraph) -> Axis | None:
    """The last axis along which channels lie that can go."""
    for tensor in tensors:
        for _, axis in sorted(channel_graph.axes_along(tensor).items(), key=lambda x: -x[0]):
            if any(group.prunable for group in axis.groups):
                return axis
    return None


def _told(op: keras.Operation) -> dict[str, Any]:
    config = op.get_config() if isinstance(op, layers.Layer) else vars(op)
    return {
        name: value
        for name, value in config.items()
        if not name.startswith("_") and not name.endswith(_ASIDE)
    }


def _written(value: Any) -> Any:
    """What JSON has no word for, without the addresses of objects."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return getattr(value, "__name__", type(value).__name__)
