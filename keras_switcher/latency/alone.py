"""Alone: one layer of a network as a network of its own, of any width."""

import keras
import numpy as np
from keras import tree

from keras_switcher.graph.call import is_tensor
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.latency.kinds import Kind
from keras_switcher.pruning.replicas import Replicator


def alone(kind: Kind, channel_graph: ChannelGraph, shares: tuple[float, float]) -> keras.Model:
    """A network of one layer, with shares of the channels that it reads and makes.

    Args:
        kind: The layer's kind.
        channel_graph: The `ChannelGraph` that it is of.
        shares: The two shares.
    """
    call = kind.call
    made = {id(group) for group in kind.outputs.groups} if kind.outputs is not None else set()
    tensors = [*call.inputs, *tree.flatten(call.outputs)]
    groups = [
        group
        for tensor in tensors
        for axis in channel_graph.axes_along(tensor).values()
        for group in axis.groups
        if group.prunable
    ]
    keep = {
        group.name: np.arange(group.size) < number_of(group.size, shares[id(group) in made])
        for group in groups
    }
    inputs = {id(x): _input(x, channel_graph, keep) for x in call.inputs}
    args, kwargs = tree.map_structure(
        lambda x: inputs[id(x)] if is_tensor(x) else x, (call.args, call.kwargs)
    )
    args, kwargs = channel_graph.arguments_of(call, args, kwargs, keep)
    replicator = Replicator(channel_graph, keep, {}, {})
    _, outputs = replicator.replicate(call, call.op.name, args, kwargs)
    several = list(inputs.values())
    return keras.Model(several if len(several) > 1 else several[0], outputs)


def _input(x: keras.KerasTensor, channel_graph: ChannelGraph, keep: dict) -> keras.KerasTensor:
    shape = list(x.shape)
    for number, axis in channel_graph.axes_along(x).items():
        shape[number] = int(axis.kept(keep).sum())
    return keras.Input(shape[1:], dtype=x.dtype)


def number_of(size: int, share: float) -> int:
    """The number of channels that a share of some is, at least one.

    Args:
        size: How many there are.
        share: The share.
    """
    return max(1, round(share * size))
