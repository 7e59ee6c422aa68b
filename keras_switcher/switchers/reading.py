"""Makes the records that switchers read of a network, from its channel graph."""

import keras
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

    def view(
        weight: keras.Variable, axis: int, entries: np.ndarray, channels: np.ndarray
    ) -> KernelView:
        return KernelView(weight, axis, entries, channels, shares.get(id(weight), 0.0))

    vectors: dict[str, dict[str, list[KernelView]]] = {"scale": {}, "shift": {}}
    for role, weight, axis in channel_graph.vectors:
        for group in axis.groups:
            views = vectors[role].setdefault(group.name, [])
            views.append(view(weight, 0, *axis.entries_of(group)))

    def consumers(group: ChannelGroup) -> tuple[KernelView, ...]:
        edges, positions = group.consumers, np.arange(group.size)
        if group.is_input:
            return tuple(view(e.kernel, e.kernel_axis, positions, positions) for e in edges)
        return tuple(view(e.kernel, e.kernel_axis, *e.entries_of(group)) for e in edges)

    of_channels = [
        GroupRecord(
            name=group.name,
            size=group.size,
            producers=tuple(view(p.kernel, p.axis, p.entries, p.channels) for p in group.producers),
            consumers=consumers(group),
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
