"""Kept channels: how many of each group are left in a smaller network."""

import numpy as np

from keras_switcher.graph.call import Call
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.names import Names
from keras_switcher.pruning.remains import Remains


def kept_channels(before: ChannelGraph, after: ChannelGraph) -> dict[str, int | None]:
    """How many channels a smaller network has of each group that could be pruned.

    Layers are found by the names that surgery gives them. Groups of which no layer is left are gone
    where the layers that are left are those that would be without them.

    Args:
        before: The network's `ChannelGraph`.
        after: That of the smaller one.

    Returns:
        Maps names of the network's groups to numbers; None where it cannot be told.
    """
    names, names_after = _names(before), _names(after)
    left = {names_after[p.name]: group.size for group in after.groups for p in group.producers}
    found: dict[str, int | None] = {}
    lost = []
    for group in before.groups:
        if not group.prunable or group.is_input:
            continue
        sizes = [left[names[p.name]] for p in group.producers if names[p.name] in left]
        if not sizes:
            lost.append(group.name)
        found[group.name] = sizes[0] if sizes and sizes[0] <= group.size else None
    without = {**found, **dict.fromkeys(lost, 0)}
    if None not in without.values() and _kernels_without(before, without) == _kernels(after, None):
        return without
    return found


def masks_of(channel_graph: ChannelGraph, numbers: dict[str, int]) -> dict[str, np.ndarray]:
    """Masks of as many channels of each group, for what depends on nothing else.

    Args:
        channel_graph: The network's `ChannelGraph`.
        numbers: How many are kept, by name of group.
    """
    return {name: np.arange(channel_graph.group(name).size) < n for name, n in numbers.items()}


def _kernels_without(channel_graph: ChannelGraph, numbers: dict) -> set[str]:
    """The names of layers with kernels that are left with so many channels of each group."""
    return _kernels(channel_graph, Remains(channel_graph, masks_of(channel_graph, numbers)).calls)


def _kernels(channel_graph: ChannelGraph, calls: dict[int, Call] | None) -> set[str]:
    """The names of layers with kernels, of some calls or of all."""
    names = _names(channel_graph)
    used = [use.call for kernel in channel_graph.kernels for use in kernel.uses]
    return {names[call.name] for call in used if calls is None or id(call) in calls}


def _names(channel_graph: ChannelGraph) -> dict[str, str]:
    """The names of layers as they are in a smaller network, by name of call.

    Nested models may have layers of the same name, and names within opened layers have slashes.
    """
    names = Names(channel_graph.graph)
    return {call.name: names.of(call.op) for call in channel_graph.graph.calls}
