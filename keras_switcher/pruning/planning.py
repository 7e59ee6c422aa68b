"""From factors to a plan: what they switch off, and what follows from that."""

from numbers import Integral

import numpy as np

from keras_switcher.gating.gates import feeds_nothing
from keras_switcher.graph.channel_graph import Anatomy
from keras_switcher.graph.packing import split_grains
from keras_switcher.held import in_full
from keras_switcher.pruning.limits import keep_more
from keras_switcher.pruning.orphans import settle
from keras_switcher.pruning.plan import GroupPlan, PruningPlan


def plan_removal(
    anatomy: Anatomy, factors: dict, round_to: int = 1, dense: bool = False
) -> PruningPlan:
    """The plan that removes what factors switch off.

    Args:
        anatomy: The model's `Anatomy`.
        factors: Maps names of groups to vectors, and of connection groups to matrices; zero
            means removed.
        round_to: Keep at least the next multiple of this number of channels of each channel
            group. The added channels are those with the largest weights; they are scaled by
            zero, so the outputs stay the same.
        dense: Whether `anatomy` was read with `every_dense_input`.

    Raises:
        ValueError: If `round_to` is not a positive integer.
    """
    if not isinstance(round_to, Integral) or isinstance(round_to, bool) or round_to < 1:
        raise ValueError(f"`round_to` must be a positive integer. Received: {round_to!r}.")
    factors = {name: in_full(factor) for name, factor in factors.items()}
    channels, connections = split_grains(factors)
    live = {name: (vector > 0).astype("float32") for name, vector in channels.items()}
    live, constant = settle(anatomy, live, connections)
    _empty_branches(anatomy, live)
    scales, keep = {}, {}
    for group in anatomy.groups:
        ones = np.ones(group.size, "float32")
        keep[group.name] = live.get(group.name, ones > 0)
        constant.setdefault(group.name, ones == 0)
        acts = keep[group.name] | constant[group.name]
        scales[group.name] = np.where(acts, factors.get(group.name, ones), 0)
    more = True
    while more:
        for group in anatomy.groups:
            if not group.is_input and group.prunable and keep[group.name].any():
                keep[group.name] = _rounded(group, keep[group.name], round_to)
        more = keep_more(anatomy, keep)
    groups = {
        group.name: GroupPlan(
            keep[group.name], scales[group.name], constant[group.name], group.reason
        )
        for group in anatomy.groups
    }
    return PruningPlan(groups, dense, connections)


def _empty_branches(anatomy, live):
    """What feeds only kernels that make nothing any more is gone too, up the whole branch."""
    for group in reversed(anatomy.groups):  # Readers come before what they read.
        if group.prunable and feeds_nothing(anatomy, group, live):
            live[group.name] = np.zeros(group.size, bool)


def _rounded(group, keep, round_to):
    count = min(-(-int(keep.sum()) // round_to) * round_to, group.size)
    if count == keep.sum():
        return keep
    strength = np.zeros(group.size)
    for producer in group.producers:
        kernel = np.abs(np.asarray(producer.kernel, "float64"))
        rows = np.moveaxis(kernel, producer.axis, 0).reshape(kernel.shape[producer.axis], -1)
        np.add.at(strength, producer.channels, rows.sum(1)[producer.entries])
    order = np.lexsort((-strength, ~keep))
    rounded = np.zeros_like(keep)
    rounded[order[:count]] = True
    return rounded
