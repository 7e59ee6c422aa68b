"""Reads the records that switchers see from a channel graph."""

import numpy as np

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.groups import ChannelGroup, ConnectionGroup
from keras_switcher.switchers.records import ConnectionRecord, GroupRecord, KernelView


def read_records(
    channel_graph: ChannelGraph, groups: list[ChannelGroup], connections: list[ConnectionGroup]
) -> list[GroupRecord | ConnectionRecord]:
    """One record per group, with the network's variables: channels first, then connections.

    Args:
        channel_graph: The network's `ChannelGraph`.
        groups: The channel groups that have factors.
        connections: The connection groups that have factors.
    """
    kernels = channel_graph.kernels
    of = "macs" if all(kernel.is_countable for kernel in kernels) else "weights"
    total = sum(kernel.cost(of) for kernel in kernels)
    shares = {id(kernel.weight): kernel.cost(of) / total for kernel in kernels}

    def view(weight, axis, entries, channels):
        return KernelView(weight, axis, entries, channels, shares.get(id(weight), 0.0))

    vectors = {"scale": {}, "shift": {}}
    for role, weight, axis in channel_graph.vectors:
        for group in axis.groups:
            views = vectors[role].setdefault(group.name, [])
            views.append(view(weight, 0, *axis.entries_of(group)))

    def consumer(group, edge):
        if group.is_input:
            positions = np.arange(group.size)
            return view(edge.kernel, edge.kernel_axis, positions, positions)
        return view(edge.kernel, edge.kernel_axis, *edge.entries_of(group))

    of_channels = [
        GroupRecord(
            name=group.name,
            size=group.size,
            producers=tuple(view(p.kernel, p.axis, p.entries, p.channels) for p in group.producers),
            consumers=tuple(consumer(group, edge) for edge in group.consumers),
            scales=tuple(vectors["scale"].get(group.name, ())),
            shifts=tuple(vectors["shift"].get(group.name, ())),
            depth=group.depth,
        )
        for group in groups
    ]
    of_connections = [
        ConnectionRecord(
            name=group.name,
            kernel=group.layer.kernel,
            share=shares[id(group.layer.kernel)],
            depth=group.depth,
        )
        for group in connections
    ]
    return of_channels + of_connections
