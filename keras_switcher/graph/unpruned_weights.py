"""Unpruned weights: explains what keeps a network large however much of its groups is pruned."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.groups import ConnectionGroup
from keras_switcher.graph.hidden_weights import SHOWN
from keras_switcher.graph.kernel import Kernel


def describe_unpruned(channel_graph: ChannelGraph, names: Iterable[str]) -> str:
    """Describes what keeps most weights when one channel is left per group, a line each.

    Args:
        channel_graph: The model's `ChannelGraph`.
        names: Names of the groups, of channels and connections, of which one is left.
    """
    names = set(names)
    hidden = {each.name: each for each in channel_graph.hidden_weights}
    one = {g.name: np.arange(g.size) < 1 for g in channel_graph.groups if g.name in names}
    connections = {group.name: group for group in channel_graph.connections}
    singly = connections if names & set(connections) else {}
    left: dict[str, int] = defaultdict(int)
    for kernel in channel_graph.kernels:
        if kernel.connections_name in names:
            continue
        number = kernel.cost("weights")
        for axis in kernel.axes.values():
            kept = axis.gather(one, np)
            number = number if kept is None else number // axis.size * int(kept.sum())
        if kernel.name in hidden:
            each = hidden[kernel.name]
            left[f"'{each.name}' ({each.kind}), {each.reason}"] += number
        elif (why := _why_large(kernel, names, singly)) is not None:
            left[why] += number
    most = sorted(left.items(), key=lambda item: -item[1])[:SHOWN]
    lines = [f"\n  {number:,} weights: {why}" for why, number in most]
    return f" Most of what stays:{''.join(lines)}" if lines else ""


def _why_large(
    kernel: Kernel, names: set[str], connections: dict[str, ConnectionGroup]
) -> str | None:
    """Why a kernel stays large: its connections, or the largest group along its axes, stay."""
    own = [getattr(axis, "input_group", None) for axis in kernel.axes.values()]
    along = [group for axis in kernel.axes.values() for group in axis.groups]
    name = kernel.connections_name
    single = [connections[name]] if name in connections else []
    whole = single or [g for g in (*filter(None, own), *along) if g.name not in names]
    if not whole:
        return None
    group = max(whole, key=lambda group: group.size)
    why = "is not chosen" if group.prunable else f"cannot be pruned: {group.reason}"
    return f"'{group.name}' {why}"


def more_to_choose(channel_graph: ChannelGraph, channels: list, connections: list) -> str:
    """Advises what to do about a budget that cannot be met: choose more groups, if there are any.

    Args:
        channel_graph: The model's `ChannelGraph`.
        channels: The chosen groups of channels.
        connections: The chosen groups of connections.
    """
    candidates = (channel_graph.groups if channels else []) + (
        channel_graph.connections if connections else []
    )
    chosen = {group.name for group in (*channels, *connections)}
    more = [f"'{g.name}'" for g in candidates if g.prunable and g.name not in chosen]
    whole = [] if channels or more else _kept_whole(channel_graph, chosen)
    if whole:
        return (
            "Ask for more to be kept, or have channels pruned, too (connections='both'): of what "
            f"makes or reads {', '.join(whole)}, no single connections can be cut."
        )
    if not more:
        return "Ask for more to be kept: all groups that can be pruned are chosen."
    return f"Ask for more to be kept, or choose more groups: {', '.join(more)}."


def _kept_whole(channel_graph: ChannelGraph, chosen: set[str]) -> list[str]:
    """The groups of channels of kernels in which no connections are cut, though channels can be."""
    whole = [kernel for kernel in channel_graph.kernels if kernel.connections_name not in chosen]
    groups = [g for kernel in whole for axis in kernel.axes.values() for g in axis.groups]
    return list(dict.fromkeys(f"'{group.name}'" for group in groups if group.prunable))
