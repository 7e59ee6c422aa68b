"""PlannedCost: what plans of many masks leave of a cost, without making any."""

from collections.abc import Iterator

import numpy as np
from keras import tree

from keras_switcher.graph.axis import Axis
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.cost_terms import Measure
from keras_switcher.graph.groups import ChannelGroup
from keras_switcher.graph.liveness import Liveness
from keras_switcher.pruning.allocation.axis_lengths import AxisLengths
from keras_switcher.pruning.allocation.kept_cost import KeptCost, Term
from keras_switcher.pruning.planning import empty_branches
from keras_switcher.pruning.remains import Remains
from keras_switcher.pruning.rounding import Rounding


class PlannedCost:
    """The same as `cost_of` of what `plan_removal` plans, for masks without connections.

    Which calls are gone, and which branches, depends on nothing but along which axes no channel is
    left. A search meets few such sets: what follows from each is found out once.

    Args:
        channel_graph: The network's `ChannelGraph`.
        groups: The `ChannelGroup`s that have masks, in the order of the graph.
        of: `"weights"`, `"macs"`, or a table of costs.
        round_to: See `plan_removal`.
    """

    def __init__(
        self, channel_graph: ChannelGraph, groups: list[ChannelGroup], of: Measure, round_to: int
    ) -> None:
        self._channel_graph = channel_graph
        self._liveness = Liveness(channel_graph, groups)
        self._whole = {group.name: np.ones(group.size, bool) for group in channel_graph.groups}
        self._cost = KeptCost(channel_graph, channel_graph.groups, of)
        self._rounding = Rounding(channel_graph, round_to)
        self._rounds = round_to > 1
        self._branches: dict[bytes, np.ndarray | None] = {}
        self._terms: dict[bytes, list[Term]] = {}
        self._lengths = AxisLengths(self._cost.layout)
        limited = [(self._lengths.number(axis), *each) for axis, *each in channel_graph.forbidden]
        self._limited = [number for number, _ in limited]
        self._limits = np.array([limit for _, limit in limited], int)
        for axis in _may_be_empty(channel_graph):
            self._lengths.number(axis)
        sizes = np.array([len(index) for index in self._lengths.index], int)
        self._sizes = sizes[self._limited]

    def keep(self, packed: np.ndarray) -> dict[str, np.ndarray]:
        """What is kept of each group, by name.

        Args:
            packed: A packed mask of the groups.
        """
        return self._cost.unpack(self._kept(packed))

    def cost(self, packed: np.ndarray) -> int:
        """What is left of the cost.

        Args:
            packed: A packed mask of the groups.
        """
        kept = self._kept(packed)
        empty = _places_of_zeros(self._lengths(kept))
        if empty not in self._terms:
            remains = Remains(self._channel_graph, self._cost.unpack(kept))
            self._terms[empty] = self._cost.terms_of(remains.calls.keys())
        return self._cost.count(kept, self._terms[empty])

    def _kept(self, packed: np.ndarray) -> np.ndarray:
        """What is kept of all groups of the graph, packed."""
        left = self._liveness.layout_left.unpack(self._liveness.packed_masks(packed))
        kept = self._cost.pack({**self._whole, **left})
        empty = _places_of_zeros(self._lengths(kept))
        if empty not in self._branches:
            self._branches[empty] = self._without_branches(kept)
        if (without := self._branches[empty]) is not None:
            kept = kept & without
        if self._rounds:
            keep = self._cost.unpack(kept)
            self._rounding.round_up(keep)
            kept = self._cost.pack(keep)
        if self._needs_more(kept):
            keep = self._cost.unpack(kept)
            self._rounding.complete(keep)
            kept = self._cost.pack(keep)
        return kept

    def _needs_more(self, kept: np.ndarray) -> bool:
        """Whether as many are left somewhere as must not be."""
        lengths = self._lengths(kept)[self._limited]
        return bool(((lengths == self._limits) & (lengths < self._sizes)).any())

    def _without_branches(self, kept: np.ndarray) -> np.ndarray | None:
        """A packed mask without groups that feed nothing; None where there are none of these."""
        keep = self._cost.unpack(kept)
        empty_branches(self._channel_graph, keep)
        without = self._cost.pack({n: np.full(len(mask), mask.any()) for n, mask in keep.items()})
        return None if without.all() else without


def _may_be_empty(channel_graph: ChannelGraph) -> Iterator[Axis]:
    """The axes of which it matters whether a channel is left."""
    for group in channel_graph.groups:
        yield Axis([group], np.arange(group.size))
    yield from channel_graph.edges
    for kernel in channel_graph.kernels:
        for axis in kernel.axes.values():
            yield axis
            # One of its groups may turn out to feed nothing.
            for part in axis.groups if len(axis.groups) > 1 else ():
                yield Axis([part], axis.entries_of(part)[1])
    for call in channel_graph.graph.calls:
        for tensor in tree.flatten(call.outputs):
            yield from channel_graph.axes_along(tensor).values()


def _places_of_zeros(lengths: np.ndarray) -> bytes:
    return np.flatnonzero(lengths == 0).tobytes()
