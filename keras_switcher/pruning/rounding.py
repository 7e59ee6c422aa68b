"""Rounding: keeps further channels, up to a multiple of a number or to what a layer needs."""

import numpy as np

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.groups import ChannelGroup


def round_up(channel_graph: ChannelGraph, keep: dict[str, np.ndarray], round_to: int) -> None:
    """Keeps a multiple of a number of channels in each group that is not empty.

    The added channels are those with the largest weights. What is added must be scaled by zero.

    Args:
        channel_graph: The model's `ChannelGraph`.
        keep: Boolean vectors by name of group; entries are replaced.
        round_to: The number.
    """
    for group in channel_graph.groups if round_to > 1 else ():
        if not group.is_input and group.prunable and keep[group.name].any():
            keep[group.name] = _rounded(group, keep[group.name], round_to)


def _rounded(group: ChannelGroup, keep: np.ndarray, round_to: int) -> np.ndarray:
    count = min(-(-int(keep.sum()) // round_to) * round_to, group.size)
    if count == keep.sum():
        return keep
    # The L1 norm of filters (Li et al. 2017, "Pruning Filters for Efficient ConvNets",
    # arXiv 1608.08710).
    strength = np.zeros(group.size)
    for producer in group.producers:
        kernel = np.abs(np.asarray(producer.kernel, "float64"))
        rows = np.moveaxis(kernel, producer.axis, 0).reshape(kernel.shape[producer.axis], -1)
        np.add.at(strength, producer.channels, rows.sum(1)[producer.entries])
    order = np.lexsort((-strength, ~keep))
    rounded = np.zeros_like(keep)
    rounded[order[:count]] = True
    return rounded


def enforce_minimum(channel_graph: ChannelGraph, keep: dict) -> bool:
    """Keeps another channel where too few, or a number that Keras mistakes, would be left.

    A slice of a group must keep a channel while the group has any: layers cannot be built on
    none. What is added must be scaled by zero.

    Args:
        channel_graph: The model's `ChannelGraph`.
        keep: Boolean vectors by name of group; entries are replaced.

    Returns:
        Whether anything was added.
    """
    added = False
    for axis, count in channel_graph.forbidden:
        kept = axis.gather(keep, np)
        if kept is None or kept.all() or np.count_nonzero(kept) != count:
            continue
        for group in axis.groups:
            mask = keep[group.name]
            gone = [channel for channel in axis.entries_of(group)[1] if not mask[channel]]
            if gone and mask.any():
                keep[group.name] = np.where(np.arange(group.size) == gone[0], True, mask)
                added = True
                break
    return added
