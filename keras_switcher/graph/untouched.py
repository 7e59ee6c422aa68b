"""Weights in layers without a rule, and what keeps a network large."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple, Protocol

import numpy as np

from keras_switcher.graph.call import CallGraph
from keras_switcher.graph.groups import ChannelGroup, ConnectionGroup
from keras_switcher.graph.kernel import Kernel
from keras_switcher.graph.reader import Reader

SHOWN = 3


class HiddenWeights(NamedTuple):
    """Kernels in a layer through which no rule follows channels.

    Args:
        name: Name of the layer's first call.
        number: How many weights its matrices and kernels have.
        kind: The layer's type.
        reason: Why they are hidden, a relative clause.
    """

    name: str
    number: int
    kind: str
    reason: str


class ReadModel(Protocol):
    """A `ChannelGraph` as it is described here: its own module builds on this one."""

    groups: list[ChannelGroup]
    connections: list[ConnectionGroup]
    kernels: list[Kernel]
    hidden_weights: list[HiddenWeights]


def hidden_weights(graph: CallGraph, reader: Reader) -> list[HiddenWeights]:
    """The layers of a graph whose kernels no rule reaches.

    Args:
        graph: The `CallGraph`.
        reader: The `Reader` to which the rules have been applied.
    """
    reached, found = {key for key, _ in reader.weights}, []
    for call in graph.calls:
        matrices = [w for w in getattr(call.op, "weights", ()) if len(w.shape) > 1]
        own = {id(weight): weight for weight in matrices if id(weight) not in reached}
        if own and id(call) in reader.origins.opaque:
            reached.update(own)
            number = sum(int(np.prod(weight.shape)) for weight in own.values())
            kind, reason = type(call.op).__name__, reader.origins.opaque[id(call)]
            found.append(HiddenWeights(call.name, number, kind, reason))
    return found


def describe_hidden(channel_graph: ReadModel) -> str:
    """One sentence on the weights of a model in layers that no rule reaches; empty without any.

    Args:
        channel_graph: The model's `ChannelGraph`.
    """
    if not channel_graph.hidden_weights:
        return ""
    number = sum(hidden.number for hidden in channel_graph.hidden_weights)
    total = sum(kernel.cost("weights") for kernel in channel_graph.kernels)
    names: dict[str, list[str]] = defaultdict(list)
    for hidden in channel_graph.hidden_weights:
        names[hidden.kind].append(f"'{hidden.name}'")
    kinds = ", ".join(f"{_some(of_kind)} ({kind})" for kind, of_kind in names.items())
    return f"{number:,} of {total:,} weights are in layers that no rule reaches: {kinds}."


def describe_rest(channel_graph: ReadModel, names: Iterable[str]) -> str:
    """What keeps most weights when one channel is left per group, a line each; empty if nothing.

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
        if kernel.connections in names:
            continue
        number = kernel.cost("weights")
        for axis in kernel.axes.values():
            kept = axis.gather(one, np)
            number = number if kept is None else number // axis.size * int(kept.sum())
        if kernel.name in hidden:
            each = hidden[kernel.name]
            left[f"'{each.name}' ({each.kind}), {each.reason}"] += number
        elif (why := _held_by(kernel, names, singly)) is not None:
            left[why] += number
    most = sorted(left.items(), key=lambda item: -item[1])[:SHOWN]
    lines = [f"\n  {number:,} weights: {why}" for why, number in most]
    return f" Most of what stays:{''.join(lines)}" if lines else ""


def _held_by(
    kernel: Kernel, names: set[str], connections: dict[str, ConnectionGroup]
) -> str | None:
    """Why a kernel stays large: its connections, or the largest group along its axes, stay."""
    own = [getattr(axis, "input_group", None) for axis in kernel.axes.values()]
    along = [group for axis in kernel.axes.values() for group in axis.groups]
    single = [connections[kernel.connections]] if kernel.connections in connections else []
    whole = single or [g for g in (*filter(None, own), *along) if g.name not in names]
    if not whole:
        return None
    group = max(whole, key=lambda group: group.size)
    why = "is not chosen" if group.prunable else f"cannot be pruned: {group.reason}"
    return f"'{group.name}' {why}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
