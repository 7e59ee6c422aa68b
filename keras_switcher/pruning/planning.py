"""Planning: from factors to a plan, with the dead units that follow from them.

A unit that nothing reads any more goes. A unit that reads nothing any more is a constant: it goes
too, where the biases of all that read it can take the constant in.
"""

from typing import Any

import numpy as np

from keras_switcher.arguments import is_whole
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.downstream import feeds_nothing
from keras_switcher.graph.groups import split_factors
from keras_switcher.graph.liveness import Liveness
from keras_switcher.pruning.bias_folding import foldable
from keras_switcher.pruning.plan import GroupPlan, Plan
from keras_switcher.pruning.rounding import Rounding
from keras_switcher.tensors import in_full


def propagate_removal(
    channel_graph: ChannelGraph, keep: dict, connections: dict
) -> tuple[dict, dict]:
    """What is left of each group once all dead units that follow from cut connections are gone.

    Args:
        channel_graph: The model's `ChannelGraph`.
        keep: Maps names of groups to boolean vectors: the channels whose own factor is not zero.
        connections: Maps names of connection groups to matrices of factors; zero means cut.

    Returns:
        Two maps from names of groups to boolean vectors: the channels that are left, and those
        that are gone because they are constant.
    """
    uncut = {name: matrix > 0 for name, matrix in connections.items()}
    makers = foldable(channel_graph, connections) if connections else {}
    groups = [group for group in channel_graph.groups if group.name in keep or group in makers]
    keep = {group.name: keep.get(group.name, np.ones(group.size, bool)) for group in groups}
    cut_groups = [group for group in channel_graph.connections if group.name in uncut]
    kernels = [(kernel.connections_name, kernel) for kernel in channel_graph.kernels if uncut]
    liveness = Liveness(channel_graph, groups, cut_groups)
    constant: dict[str, np.ndarray] = {}
    while True:
        rows = {name: mask.any(1) for name, mask in uncut.items()}
        left = liveness.of_masks({**keep, **rows})
        changed = False
        for name, kernel in kernels:
            if name in uncut:
                mask, uncut[name] = uncut[name], kernel.between(uncut[name], left)
                changed |= not np.array_equal(mask, uncut[name])
        for group, made_by in makers.items():
            here = left.get(group.name, np.ones(group.size, bool))
            without_inputs = np.zeros(group.size, bool)
            producer = group.producers[0]
            without_inputs[producer.channels] = ~uncut[made_by].any(0)[producer.entries]
            if (new := here & without_inputs).any():
                constant[group.name] = constant.get(group.name, False) | new
                keep[group.name] = keep[group.name] & ~new
                changed = True
        if not changed:
            return left, constant


def check_round_to(round_to: Any) -> None:
    """Raises ValueError if `round_to` is not a positive integer."""
    if not is_whole(round_to, 1):
        raise ValueError(f"`round_to` must be a positive integer. Received: {round_to!r}.")


def plan_removal(channel_graph: ChannelGraph, factors: dict, round_to: int = 1) -> Plan:
    """The plan that removes what factors switch off.

    Args:
        channel_graph: The model's `ChannelGraph`.
        factors: Maps names of groups to vectors, and of connection groups to matrices; zero
            means removed.
        round_to: Keep at least the next multiple of this number of channels of each channel
            group. The added channels are those with the largest weights; they are scaled by
            zero, so the outputs stay the same.

    Raises:
        ValueError: If `round_to` is not a positive integer.
    """
    check_round_to(round_to)
    factors = {name: in_full(factor) for name, factor in factors.items()}
    channels, connections = split_factors(factors)
    own = {name: vector > 0 for name, vector in channels.items()}
    left, constant = propagate_removal(channel_graph, own, connections)
    empty_branches(channel_graph, left)
    scales, keep = {}, {}
    for group in channel_graph.groups:
        ones = np.ones(group.size, "float32")
        keep[group.name] = left.get(group.name, ones > 0)
        constant.setdefault(group.name, ones == 0)
        acts = keep[group.name] | constant[group.name]
        scales[group.name] = np.where(acts, factors.get(group.name, ones), 0)
    Rounding(channel_graph, round_to).complete(keep)
    groups = {
        group.name: GroupPlan(
            keep[group.name], scales[group.name], constant[group.name], group.reason
        )
        for group in channel_graph.groups
    }
    return Plan(groups, channel_graph.every_dense_input, connections)


def empty_branches(channel_graph: ChannelGraph, keep: dict[str, np.ndarray]) -> None:
    """Removes what feeds only kernels that make nothing any more, up the whole branch.

    Args:
        channel_graph: The model's `ChannelGraph`.
        keep: Boolean vectors by name of group; entries are replaced.
    """
    for group in reversed(channel_graph.groups):  # Readers come before what they read.
        if group.prunable and feeds_nothing(channel_graph, group, keep):
            keep[group.name] = np.zeros(group.size, bool)
