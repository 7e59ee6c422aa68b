"""Selection of the groups that get factors: the `groups` argument of `SwitcherModel`."""

from collections.abc import Callable, Iterable, Sequence

import keras

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.groups import ChannelGroup, ConnectionGroup
from keras_switcher.graph.hidden_weights import describe_hidden

AnyGroup = ChannelGroup | ConnectionGroup
# What can be passed as `groups`.
Choice = str | Sequence[str] | Callable[[AnyGroup], bool]

GROUP_CHOICES = ("all", "dense", "conv")
_OF_KIND = {"all": "", "dense": " that a Dense layer reads", "conv": " that a convolution makes"}
# So many reasons are told in an error: of a deep network there are hundreds.
REASONS = 10
_ONLY_DENSE = (
    " Only Dense layers have connections that can be cut one by one: for convolutions, and all "
    "others, prune channels (leave `connections` out, or pass connections='both')."
)


def select_groups(
    channel_graph: ChannelGraph,
    groups: Choice,
    granularity: tuple[str, ...] = ("channels",),
) -> tuple[list[ChannelGroup], list[ConnectionGroup]]:
    """Selects the prunable groups of channels and connections that the `groups` argument means.

    Args:
        channel_graph: The model's `ChannelGraph`.
        groups: `"all"`, `"dense"` (what feeds a Dense layer), `"conv"` (what a convolution
            makes), a list of group or layer names, or a predicate on `ChannelGroup` (or
            `ConnectionGroup`, for connections).
        granularity: What to choose from: `"channels"`, `"connections"` (of Dense layers), or both;
            of both, a name that ends in `/connections` means connections.

    Raises:
        ValueError: If the argument is none of these, a name is unknown, a named group cannot be
            pruned (with the reason), or no group is left.
    """
    if isinstance(groups, str) and groups not in GROUP_CHOICES:
        raise ValueError(
            f"`groups` must be one of {GROUP_CHOICES}, a list of names or a predicate. "
            f"Received: groups={groups!r}. (For one group, pass a list: [{groups!r}].)"
        )
    if not callable(groups) and not isinstance(groups, (str, Iterable)):
        raise ValueError(
            f"`groups` must be one of {GROUP_CHOICES}, a list of names or a predicate. "
            f"Received: groups={groups!r}."
        )
    available: dict[str, Sequence[AnyGroup]] = {
        "channels": channel_graph.groups,
        "connections": channel_graph.connections,
    }
    candidates = [group for kind in granularity for group in available[kind]]
    if isinstance(groups, str):
        chosen = [g for g in candidates if g.prunable and _is_kind(g, groups)]
    elif callable(groups):
        chosen = [group for group in candidates if group.prunable and groups(group)]
    else:
        chosen = [_named(channel_graph, name, granularity) for name in groups]
        for group in chosen:
            if not group.prunable:
                raise ValueError(f"Group '{group.name}' cannot be pruned: {group.reason}.")
    if not chosen:
        raise ValueError(
            f"groups={groups!r} chooses no {' or '.join(g[:-1] for g in granularity)} group of "
            f"'{channel_graph.graph.name}'{_what_there_is(channel_graph, groups, candidates)}"
            + (_ONLY_DENSE if granularity == ("connections",) else "")
            + _on_quantized(channel_graph)
        )
    ordered = [group for group in candidates if group in chosen]
    return (
        [group for group in ordered if isinstance(group, ChannelGroup)],
        [group for group in ordered if isinstance(group, ConnectionGroup)],
    )


def shown_reasons(channel_graph: ChannelGraph, reasons: dict[str, str]) -> str:
    """Why groups stay, a line each of the first ones; and what no rule reaches.

    Args:
        channel_graph: The model's `ChannelGraph`.
        reasons: Reasons by name of group.
    """
    hidden = describe_hidden(channel_graph)
    why = f" Why not:{_lines(reasons)}" if reasons else " It has no groups of channels."
    return why + (f"\n{hidden}" if hidden else "")


def _lines(reasons: dict[str, str]) -> str:
    lines = [f"\n  {name}: {reason}" for name, reason in reasons.items()]
    if len(lines) > REASONS:
        lines[REASONS:] = [f"\n  and {len(lines) - REASONS} more: see channel_groups(model)"]
    return "".join(lines)


def _what_there_is(channel_graph: ChannelGraph, groups: Choice, candidates: list[AnyGroup]) -> str:
    """Why none was chosen: there is none of the kind, those of the kind cannot be pruned, or so."""
    hidden = describe_hidden(channel_graph)
    hidden = f" {hidden}" if hidden else ""
    kind = groups if isinstance(groups, str) else None
    prunable = [group.name for group in candidates if group.prunable]
    locked = [g for g in candidates if not g.prunable and (kind is None or _is_kind(g, kind))]
    reasons = _lines({group.name: str(group.reason) for group in locked})
    if kind is None:
        return f". Prunable: {prunable}." + (f" Others:{reasons}\n" if reasons else "") + hidden
    others = f" Prunable are {prunable}." if prunable else ""
    if not locked:
        return f": it has none{_OF_KIND[kind]}.{hidden}{others}"
    return f": none{_OF_KIND[kind]} can be pruned.{others}{hidden} Why not:{reasons}"


def _named(channel_graph: ChannelGraph, name: str, granularity: tuple[str, ...]) -> AnyGroup:
    """The group that a name means."""
    for group in channel_graph.connections if "connections" in granularity else ():
        if name == group.name or (granularity == ("connections",) and name == group.layer.name):
            return group
    if "channels" in granularity:
        return channel_graph.group(name)
    known = [group.name for group in channel_graph.connections]
    raise ValueError(f"'{name}' names no Dense layer. Pass one of: {known}.{_ONLY_DENSE}")


def _on_quantized(channel_graph: ChannelGraph) -> str:
    operations = channel_graph.graph.operations
    found = [op.name for op in operations if getattr(op, "quantization_mode", None)]
    return f" Quantized layers have none: {found}. Quantize the compact model." if found else ""


def _is_kind(group: AnyGroup, kind: str) -> bool:
    if isinstance(group, ConnectionGroup):
        return kind != "conv"
    if kind == "dense":
        alone = len(group.consumers) == 1 and group.consumers[0].input_group is None
        feeds_dense = type(group.consumers[0].call.op) is keras.layers.Dense
        return group.is_input or (alone and feeds_dense)
    if kind == "conv":
        return any(len(producer.kernel.shape) > 2 for producer in group.producers)
    return True
