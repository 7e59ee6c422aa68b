"""Which groups get factors: the `groups` argument of `SwitcherModel`."""

from collections.abc import Callable, Iterable, Sequence

import keras

from keras_switcher.graph.anatomy import Anatomy
from keras_switcher.graph.connections import ConnectionGroup
from keras_switcher.graph.groups import ChannelGroup

KINDS = ("all", "dense", "conv")
_ONLY_DENSE = (
    " Only Dense layers have connections that can be cut one by one: for convolutions, and all "
    "others, prune channels (leave `connections` out, or pass connections='both')."
)


def select_groups(
    anatomy: Anatomy,
    groups: str | Sequence[str] | Callable[[ChannelGroup | ConnectionGroup], bool],
    grains: tuple[str, ...] = ("channels",),
) -> tuple[list[ChannelGroup], list[ConnectionGroup]]:
    """The prunable groups of channels and connections that are meant by the `groups` argument.

    Args:
        anatomy: The model's `Anatomy`.
        groups: `"all"`, `"dense"` (what feeds a Dense layer), `"conv"` (what a convolution
            makes), a list of group or layer names, or a predicate on `ChannelGroup` (or
            `ConnectionGroup`, for connections).
        grains: What to choose from: `"channels"`, `"connections"` (of Dense layers), or both; of
            both, a name that ends in `/connections` means connections.

    Raises:
        ValueError: If the argument is none of these, a name is unknown, a named group cannot be
            pruned (with the reason), or no group is left.
    """
    if isinstance(groups, str) and groups not in KINDS:
        raise ValueError(
            f"`groups` must be one of {KINDS}, a list of names or a predicate. "
            f"Received: groups={groups!r}. (For one group, pass a list: [{groups!r}].)"
        )
    if not callable(groups) and not isinstance(groups, (str, Iterable)):
        raise ValueError(
            f"`groups` must be one of {KINDS}, a list of names or a predicate. "
            f"Received: groups={groups!r}."
        )
    available = {"channels": anatomy.groups, "connections": anatomy.connections}
    candidates = [group for grain in grains for group in available[grain]]
    if isinstance(groups, str):
        chosen = [g for g in candidates if g.prunable and _is_kind(g, groups)]
    elif callable(groups):
        chosen = [group for group in candidates if group.prunable and groups(group)]
    else:
        chosen = [_named(anatomy, name, grains) for name in groups]
        for group in chosen:
            if not group.prunable:
                raise ValueError(f"Group '{group.name}' cannot be pruned: {group.reason}.")
    if not chosen:
        prunable = [group.name for group in candidates if group.prunable]
        reasons = "\n".join(f"  {g.name}: {g.reason}" for g in candidates if not g.prunable)
        raise ValueError(
            f"groups={groups!r} chooses no {' or '.join(g[:-1] for g in grains)} group of "
            f"'{anatomy.graph.name}'. Prunable: {prunable}."
            + (f" Others:\n{reasons}" if reasons else "")
            + (_ONLY_DENSE if grains == ("connections",) else "")
            + _on_quantized(anatomy)
        )
    return tuple(
        [group for group in candidates if group in chosen and isinstance(group, kind)]
        for kind in (ChannelGroup, ConnectionGroup)
    )


def _named(anatomy, name, grains):
    """The group that a name means."""
    for group in anatomy.connections if "connections" in grains else ():
        if name == group.name or (grains == ("connections",) and name == group.layer.name):
            return group
    if "channels" in grains:
        return anatomy.group(name)
    known = [group.name for group in anatomy.connections]
    raise ValueError(f"'{name}' names no Dense layer. Pass one of: {known}.{_ONLY_DENSE}")


def _on_quantized(anatomy):
    ops = {call.op.name: call.op for call in anatomy.graph.calls}
    found = [name for name, op in ops.items() if getattr(op, "quantization_mode", None)]
    return f" Quantized layers have none: {found}. Quantize the compact model." if found else ""


def _is_kind(group, kind):
    if isinstance(group, ConnectionGroup):
        return kind != "conv"
    if kind == "dense":
        alone = len(group.consumers) == 1 and group.consumers[0].input_group is None
        feeds_dense = type(group.consumers[0].call.op) is keras.layers.Dense
        return group.is_input or (alone and feeds_dense)
    if kind == "conv":
        return any(len(producer.kernel.shape) > 2 for producer in group.producers)
    return True
