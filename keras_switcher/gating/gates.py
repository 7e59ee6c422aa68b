"""Puts factors to work: the gated network, and what the kernels that read a group make."""

import keras
import numpy as np

from keras_switcher.graph.call import OperationProxy
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.names import Names
from keras_switcher.layers.gated import Gated


def gated_network(channel_graph: ChannelGraph, group_names):
    """Rebuilds a model with a gate on every edge whose channels or connections are chosen.

    The layers, and so the weights, are the model's own.

    Args:
        channel_graph: The model's `ChannelGraph`.
        group_names: Names of the channel groups and connection groups that have factors.

    Returns:
        A pair: a Functional model called as `network([inputs, factors])`, and the list of the
        gated edges; `factors` is a list with one vector (or matrix) per gated edge.
    """
    edges = [e for e in channel_graph.edges if _names_at(e) & set(group_names)]
    inputs, names = channel_graph.graph.new_inputs(), Names(channel_graph.graph)
    factors = [
        keras.Input(
            batch_shape=edge.factors_shape(group_names),
            dtype=edge.kernel.dtype,
            name=names.new(f"factors_{i}"),
        )
        for i, edge in enumerate(edges)
    ]
    factor_at = {id(edge.call): factor for edge, factor in zip(edges, factors, strict=True)}

    def visit(call, args, kwargs):
        if id(call) not in factor_at:
            name = names.of(call.op)
            op = call.op if name == call.op.name else OperationProxy(call.op, name)
            return op(*args, **kwargs)
        edge = channel_graph.edge_at(call)
        weight = next((key for key, value in vars(call.op).items() if value is edge.kernel), None)
        if weight is None:
            raise ValueError(
                f"The kernel that mixes channels in '{call.name}' is not an attribute of that "
                "layer, so no gate can scale it. Write its rule for the layer that holds the "
                "kernel, or leave its groups out (`groups`)."
            )
        name = names.new(f"gated_{call.name.replace(':', '_')}")
        gate = Gated(call.op, weight, axis=edge.kernel_axis, name=name)
        return gate(*args, factors=factor_at[id(call)], **kwargs)

    outputs = channel_graph.graph.replay(inputs, visit)
    return keras.Model([inputs, factors], outputs, name=f"gated_{channel_graph.graph.name}"), edges


def feeds_nothing(channel_graph: ChannelGraph, group, keep: dict) -> bool:
    """Whether all kernels that read a group make only channels that are gone.

    Args:
        channel_graph: The model's `ChannelGraph`.
        group: The `ChannelGroup`.
        keep: Boolean vectors by name of group.
    """

    def makes_nothing(edge):
        made = [axis.gather(keep, np) for axis in _made_by(channel_graph, edge)]
        return any(kept is not None and not kept.any() for kept in made)

    return all(map(makes_nothing, group.consumers))


def feeding_normalization(channel_graph: ChannelGraph, groups: list) -> list[bool]:
    """Whether a kernel that reads a group makes channels that are normalised, for each group.

    Args:
        channel_graph: The model's `ChannelGraph`.
        groups: The `ChannelGroup`s.
    """

    def makes_normalized(edge):
        made = _made_by(channel_graph, edge)
        return any(group.is_normalized for axis in made for group in axis.groups)

    making = {id(edge) for edge in channel_graph.edges if makes_normalized(edge)}
    return [any(id(edge) in making for edge in group.consumers) for group in groups]


def _made_by(channel_graph, edge):
    """The axes along which an edge's kernel makes channels."""
    axes = channel_graph.axes_of(edge.kernel)
    return [axis for number, axis in axes.items() if number != edge.kernel_axis]


def _names_at(edge):
    own = [other.name for other in (edge.input_group, edge.connections) if other]
    return {group.name for group in edge.groups} | set(own)
