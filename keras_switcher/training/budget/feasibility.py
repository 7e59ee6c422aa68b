"""Feasibility: whether a network can meet a budget, and what stands in the way."""

from collections import defaultdict
from typing import Any

import numpy as np
from keras import ops

from keras_switcher.gating.gated_network import GatedNetwork
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.counting import unknown_macs
from keras_switcher.graph.groups import ChannelGroup, ConnectionGroup
from keras_switcher.graph.hidden_weights import SHOWN
from keras_switcher.graph.kernel import Kernel
from keras_switcher.pruning.allocation.allocation import ALL
from keras_switcher.training.accounting import Accounting
from keras_switcher.training.budget.budget import Budget

# In picoseconds, in which a table counts.
_MILLISECOND = 1e9


def check_feasible(budget: Any, gated: GatedNetwork, accounting: Accounting) -> None:
    """Raises where the chosen groups cannot meet a budget.

    Args:
        budget: What was passed as one.
        gated: The `GatedNetwork`.
        accounting: Its `Accounting`.

    Raises:
        ValueError: If it is no `Budget`; if it is one of MACs, some are not known, and it was not
            told to leave them out; if it is one of latency, and single connections are cut; if one
            factor per group leaves more than it asks for.
    """
    if not isinstance(budget, Budget):
        raise ValueError(
            "`budget` must be None or a keras_switcher.Budget, for example "
            f"Budget(keep=0.25). Received: budget={budget!r}."
        )
    if budget.of == "macs":
        _check_macs_known(budget, gated.channel_graph)
    if budget.of == "latency" and gated.connections:
        raise ValueError(
            "A budget of latency needs channels: cut connections save no time, as the zeros are "
            "multiplied with. Use connections=False, or a budget of weights."
        )
    _check_reachable(budget, gated, accounting)


def _check_macs_known(budget: Budget, channel_graph: ChannelGraph) -> None:
    unknown = unknown_macs(channel_graph)
    none_known = not any(kernel.cost("macs") for kernel in channel_graph.kernels)
    if none_known or (unknown and budget.unknown == "refuse"):
        reasons = "; ".join(f"'{name}': {why}" for name, why in unknown.items()) or "any layer"
        leave_out = (
            "" if none_known else ' Or take a share of the others: Budget(unknown="leave_out").'
        )
        raise ValueError(
            f"A budget of MACs needs to know them, and it does not know those of {reasons}. Ask "
            'for a share of the weights, Budget(of="weights"), or build the task network with a '
            f"fixed keras.Input(shape), where an open size is the reason.{leave_out}"
        )


def _check_reachable(budget: Budget, gated: GatedNetwork, accounting: Accounting) -> None:
    groups: list[ChannelGroup | ConnectionGroup] = [*gated.groups, *gated.connections]
    names = {group.name for group in groups}
    one = {group.name: ops.reshape(ops.eye(1, group.size), group.shape) for group in groups}
    least = float(accounting.kept(one, budget.measure))
    if budget.keep < least:
        if budget.of == "latency":
            stays = _longest(budget.table, gated.channel_graph, names)
        else:
            stays = _unpruned(gated.channel_graph, names)
        if f"{least:.4f}" == ALL:
            more = _not_chosen(gated)
            advice = f"Choose more groups: {', '.join(more)}." if more else "No others can be."
            raise ValueError(
                f"Nothing of the {budget.of} can be pruned by the chosen groups: with one factor "
                f"left in each, all of it remains.{stays}\n{advice}"
            )
        raise ValueError(
            f"The chosen groups cannot bring the {budget.of} down to {budget.keep:.2%}: with "
            f"one factor left in each, {least:.2%} remain.{stays}\n{_more_to_choose(gated)}"
        )


def _unpruned(channel_graph: ChannelGraph, names: set[str]) -> str:
    """What keeps most weights when one factor is left in each of these groups, a line each."""
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


def _longest(table: Any, channel_graph: ChannelGraph, names: set[str]) -> str:
    """What takes longest when one factor is left in each of these groups, a line each."""
    one = {g.name: np.arange(g.size) < 1 for g in channel_graph.groups if g.name in names}
    left: dict[str, float] = defaultdict(float)
    terms = table.terms(channel_graph)
    for term in terms:
        left[f"'{term.call.name}'"] += term.left(one)
    if overhead := getattr(table, "overhead", 0) * 1000 * _MILLISECOND:
        left[f"'{channel_graph.graph.calls[-1].name}'"] -= overhead
        left["what a network takes beside its layers"] = overhead
    whole = sum(term.whole for term in terms)
    most = sorted(left.items(), key=lambda item: -item[1])[:SHOWN]
    lines = [f"\n  {of / whole:.2%} ({of / _MILLISECOND:.3g} ms): {what}" for what, of in most]
    return f" Most of what stays:{''.join(lines)}"


def _why_large(
    kernel: Kernel, names: set[str], connections: dict[str, ConnectionGroup]
) -> str | None:
    """Why a kernel stays large: its connections, or the largest group along its axes, stay."""
    own = [getattr(axis, "input_group", None) for axis in kernel.axes.values()]
    along = [group for axis in kernel.axes.values() for group in axis.groups]
    single = (
        [connections[kernel.connections_name]] if kernel.connections_name in connections else []
    )
    whole = single or [g for g in (*filter(None, own), *along) if g.name not in names]
    if not whole:
        return None
    group = max(whole, key=lambda group: group.size)
    why = "is not chosen" if group.prunable else f"cannot be pruned: {group.reason}"
    return f"'{group.name}' {why}"


def _more_to_choose(gated: GatedNetwork) -> str:
    """What to do about a budget that cannot be met: choose more groups, if there are any."""
    more = _not_chosen(gated)
    whole = [] if gated.groups or more else _kept_whole(gated.channel_graph, set(gated.names))
    if whole:
        return (
            "Ask for more to be kept, or have channels pruned, too (connections='both'): of what "
            f"makes or reads {', '.join(whole)}, no single connections can be cut."
        )
    if not more:
        return "Ask for more to be kept: all groups that can be pruned are chosen."
    return f"Ask for more to be kept, or choose more groups: {', '.join(more)}."


def _not_chosen(gated: GatedNetwork) -> list[str]:
    """The groups that could be chosen, too."""
    channel_graph, chosen = gated.channel_graph, set(gated.names)
    candidates: list[ChannelGroup | ConnectionGroup] = []
    candidates += channel_graph.groups if gated.groups else []
    candidates += channel_graph.connections if gated.connections else []
    return [f"'{g.name}'" for g in candidates if g.prunable and g.name not in chosen]


def _kept_whole(channel_graph: ChannelGraph, chosen: set[str]) -> list[str]:
    """The groups of channels of kernels in which no connections are cut, though channels can be."""
    whole = [kernel for kernel in channel_graph.kernels if kernel.connections_name not in chosen]
    groups = [g for kernel in whole for axis in kernel.axes.values() for g in axis.groups]
    return list(dict.fromkeys(f"'{group.name}'" for group in groups if group.prunable))
