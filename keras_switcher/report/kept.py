"""Kept channels: how many of each group are left in a smaller network."""

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.groups import ChannelGroup


def kept_channels(before: ChannelGraph, after: ChannelGraph) -> dict[str, int | None]:
    """How many channels a smaller network has of each group that could be pruned.

    Layers keep their names, but for those within layers that were opened: these are found by their
    places, which are the same where no group is gone as a whole.

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
    for group in before.groups:
        if not group.prunable or group.is_input:
            continue
        sizes = [left[_name(p.name)] for p in group.producers if _name(p.name) in left]
        if not sizes and same:
            sizes = [places[group].size]
        found[group.name] = sizes[0] if sizes and sizes[0] <= group.size else None
    return found


def _inner(channel_graph: ChannelGraph) -> list[ChannelGroup]:
    return [group for group in channel_graph.groups if not group.is_input]


def _name(name: str) -> str:
    """A layer's name as it is in a smaller network: layers of a model have no slashes."""
    return name.replace("/", "_")
