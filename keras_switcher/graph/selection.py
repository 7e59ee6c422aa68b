"""Which groups get factors: the `groups` argument of `SwitcherModel`."""

from collections.abc import Callable, Sequence

import keras

from keras_switcher.graph.anatomy import Anatomy
from keras_switcher.graph.groups import ChannelGroup

KINDS = ("all", "dense", "conv")


def select_groups(
    anatomy: Anatomy, groups: str | Sequence[str] | Callable[[ChannelGroup], bool]
) -> list[ChannelGroup]:
    """The prunable groups that are meant by the `groups` argument.

    Args:
        anatomy: The model's `Anatomy`.
        groups: `"all"`, `"dense"` (what feeds a Dense layer), `"conv"` (what a convolution
            makes), a list of group or layer names, or a predicate on `ChannelGroup`.

    Raises:
        ValueError: If the argument is none of these, a name is unknown, a named group cannot be
            pruned (with the reason), or no group is left.
    """
    prunable = [group for group in anatomy.groups if group.prunable]
    if isinstance(groups, str):
        if groups not in KINDS:
            raise ValueError(
                f"`groups` must be one of {KINDS}, a list of names or a predicate. "
                f"Received: groups={groups!r}. (For one group, pass a list: [{groups!r}].)"
            )
        chosen = [group for group in prunable if _is_kind(group, groups)]
    elif callable(groups):
        chosen = [group for group in prunable if groups(group)]
    else:
        named = [anatomy.group(name) for name in groups]
        for group in named:
            if not group.prunable:
                raise ValueError(f"Group '{group.name}' cannot be pruned: {group.reason}.")
        chosen = [group for group in prunable if group in named]
    if not chosen:
        reasons = "\n".join(f"  {g.name}: {g.reason}" for g in anatomy.groups if not g.prunable)
        raise ValueError(
            f"groups={groups!r} chooses no channel group of '{anatomy.graph.name}'. Prunable: "
            f"{[group.name for group in prunable]}." + (f" Others:\n{reasons}" if reasons else "")
        )
    return chosen


def _is_kind(group, kind):
    if kind == "dense":
        alone = len(group.consumers) == 1 and group.consumers[0].input_group is None
        feeds_dense = type(group.consumers[0].call.op) is keras.layers.Dense
        return group.is_input or (alone and feeds_dense)
    if kind == "conv":
        return any(len(producer.kernel.shape) > 2 for producer in group.producers)
    return True
