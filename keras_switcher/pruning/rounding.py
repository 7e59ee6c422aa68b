"""Rounding: keeps further channels, up to a multiple of a number or to what a layer needs."""

import numpy as np

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.groups import ChannelGroup


class Rounding:
    """Rounds up what masks keep, of a network whose weights stay as they are meanwhile.

    Args:
        channel_graph: The model's `ChannelGraph`.
        round_to: The number of which multiples of channels are kept.
    """

    def __init__(self, channel_graph: ChannelGraph, round_to: int) -> None:
        self._channel_graph = channel_graph
        self._round_to = round_to
        self._strongest: dict[str, np.ndarray] = {}

    def complete(self, keep: dict[str, np.ndarray]) -> None:
        """Keeps multiples in each group that is not empty, and what layers need beside.

        The added channels are those with the largest weights. What is added must be scaled by zero.

        Args:
            keep: Boolean vectors by name of group; entries are replaced.
        """
        self.round_up(keep)
        while enforce_minimum(self._channel_graph, keep):
            self.round_up(keep)

    def round_up(self, keep: dict[str, np.ndarray]) -> None:
        """Keeps multiples in each group that is not empty, see `complete`."""
        for group in self._channel_graph.groups if self._round_to > 1 else ():
            if not group.is_input and group.prunable and keep[group.name].any():
                keep[group.name] = self._rounded(group, keep[group.name])

    def _rounded(self, group: ChannelGroup, keep: np.ndarray) -> np.ndarray:
        number = int(np.count_nonzero(keep))
        count = min(-(-number // self._round_to) * self._round_to, group.size)
        if count == number:
            return keep
        if group.name not in self._strongest:
            self._strongest[group.name] = np.argsort(-_strength(group), kind="stable")
        strongest = self._strongest[group.name]
        rounded = keep.copy()
        rounded[strongest[~keep[strongest]][: count - number]] = True
        return rounded


def _strength(group: ChannelGroup) -> np.ndarray:
    """The L1 norms of filters (Li et al. 2017, "Pruning Filters for Efficient ConvNets").

    arXiv 1608.08710.
    """
    strength = np.zeros(group.size)
    for producer in group.producers:
        kernel = np.abs(np.asarray(producer.kernel, "float64"))
        rows = np.moveaxis(kernel, producer.axis, 0).reshape(kernel.shape[producer.axis], -1)
        np.add.at(strength, producer.channels, rows.sum(1)[producer.entries])
    return strength


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
