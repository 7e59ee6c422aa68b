"""Downstream of a group: the channels that the kernels which read it make."""

import numpy as np

from keras_switcher.graph.axis import Axis
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.edge import Edge
from keras_switcher.graph.groups import ChannelGroup


def feeds_nothing(channel_graph: ChannelGraph, group: ChannelGroup, keep: dict) -> bool:
    """Whether all kernels that read a group make only channels that are removed.

    Args:
        channel_graph: The model's `ChannelGraph`.
        group: The `ChannelGroup`.
        keep: Boolean vectors by name of group.
    """

    def makes_nothing(edge: Edge) -> bool:
        made = [axis.gather(keep, np) for axis in _made_by(channel_graph, edge)]
        return any(kept is not None and not kept.any() for kept in made)

    return all(map(makes_nothing, group.consumers))


def feeds_normalization(channel_graph: ChannelGraph, groups: list) -> list[bool]:
    """Whether a kernel that reads a group makes channels that are normalised, for each group.

    Args:
        channel_graph: The model's `ChannelGraph`.
        groups: The `ChannelGroup`s.
    """

    def makes_normalized(edge: Edge) -> bool:
        made = _made_by(channel_graph, edge)
        return any(group.is_normalized for axis in made for group in axis.groups)

    making = {id(edge) for edge in channel_graph.edges if makes_normalized(edge)}
    return [any(id(edge) in making for edge in group.consumers) for group in groups]


def _made_by(channel_graph: ChannelGraph, edge: Edge) -> list[Axis]:
    """The axes along which an edge's kernel makes channels."""
    axes = channel_graph.axes_of(edge.kernel).values()
    return [axis for axis in axes if not isinstance(axis, Edge)]
