"""Kept channels: how many of each group are left in a smaller network."""

import numpy as np

from keras_switcher.graph.call import Call
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.groups import ChannelGroup
from keras_switcher.pruning.remains import Remains


def kept_channels(before: ChannelGraph, after: ChannelGraph) -> dict[str, int | None]:
    """How many channels a smaller network has of each group that could be pruned.

    Layers keep their names, but for those within layers that were opened: these are found by their
    places, which are the same where no group is gone as a whole. Groups of which no layer is left
    are gone where the layers that are left are those that would be without them.

    Args:
        before: The network's `ChannelGraph`.
        after: That of the smaller one.

    Returns:
        Maps names of the network's groups to numbers; None where it cannot be told.
    """
    left = {_name(p.name): group.size for group in after.groups for p in group.producers}
    places = dict(zip(_inner(before), _inner(after), strict=False))
    same = len(_inner(before)) == len(_inner(after))
    found: dict[str, int | None] = {}
    lost = []
    for group in before.groups:
        if not group.prunable or group.is_input:
            continue
        sizes = [left[_name(p.name)] for p in group.producers if _name(p.name) in left]
        if not sizes and same:
            sizes = [places[group].size]
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
    used = [use.call for kernel in channel_graph.kernels for use in kernel.uses]
    return {_name(call.op.name) for call in used if calls is None or id(call) in calls}


def _inner(channel_graph: ChannelGraph) -> list[ChannelGroup]:
    return [group for group in channel_graph.groups if not group.is_input]


def _name(name: str) -> str:
    """A layer's name as it is in a smaller network: layers of a model have no slashes."""
    return name.replace("/", "_")
