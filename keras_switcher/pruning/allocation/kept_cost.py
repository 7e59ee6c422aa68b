"""KeptCost: what masks leave of a network's costs, and what one more channel adds."""

from collections.abc import Collection
from math import prod

import numpy as np

from keras_switcher.graph.axis import Axis
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.cost_terms import Measure
from keras_switcher.graph.edge import Edge
from keras_switcher.graph.packing import PackedLayout


class KeptCost:
    """Counts weights, MACs or another cost of kept channels, for all kernels at once.

    A kernel with a kept inputs and b kept outputs costs a * b times what one entry does: exact
    where no group is empty and all that is kept is used.

    Args:
        channel_graph: The network's `ChannelGraph`.
        groups: The `ChannelGroup`s that have masks; all others are whole.
        of: `"weights"`, `"macs"`, or a table of costs.
        without: Names of connection groups whose kernels are left out.

    Attributes:
        layout: The `PackedLayout` of these groups, by which masks are packed.
        spans: Where each group lies in a packed mask, by name.
    """

    def __init__(
        self, channel_graph: ChannelGraph, groups: list, of: Measure, without: Collection[str] = ()
    ) -> None:
        self.layout = PackedLayout(groups)
        ends = np.cumsum([group.size for group in groups], dtype=int)
        self.spans = {g.name: slice(end - g.size, end) for g, end in zip(groups, ends, strict=True)}
        self._index: list[np.ndarray] = []
        self._own: list[np.ndarray] = []
        numbers: dict[int, int] = {}

        def number(axis: Axis) -> int:
            if id(axis) not in numbers:
                numbers[id(axis)] = len(self._index)
                self._add_axis(axis)
            return numbers[id(axis)]

        self._terms: list[tuple[int, list[int]]] = []
        for term in () if isinstance(of, str) else of.terms(channel_graph):
            self._terms.append((term.each, [number(axis) for axis in term.axes]))
        for kernel in channel_graph.kernels if isinstance(of, str) else ():
            if kernel.connections_name in without:
                continue
            along = [number(axis) for axis in kernel.axes.values()]
            entry = prod(kernel.weight.shape) // prod(axis.size for axis in kernel.axes.values())
            if of == "weights":
                self._terms.append((entry, along))
                continue
            for use in kernel.uses:
                fixed = use.positions({}) // max(1, prod(axis.size for axis in use.axes))
                axes = [number(axis) for axis in use.axes]
                self._terms.append((entry * fixed, along + axes))
        self._starts = np.cumsum([0, *(len(index) for index in self._index)])
        self._axis_at = np.repeat(np.arange(len(self._index)), np.diff(self._starts))
        self._places = np.concatenate([*self._index, np.zeros(0, int)])
        self._own_places = np.concatenate([*self._own, np.zeros(0, int)])
        self._pairs = self._find_pairs()

    def _add_axis(self, axis: Axis) -> None:
        own = self.layout.own_index(axis) if isinstance(axis, Edge) else None
        self._index.append(self.layout.index(axis))
        self._own.append(np.full(axis.size, self.layout.one) if own is None else own)

    def _find_pairs(self) -> list[tuple[int, int, int, np.ndarray]]:
        """Terms in which the same channel lies along two axes: as they are counted together."""
        one = self.layout.one
        pairs = []
        for number, (_, axes) in enumerate(self._terms):
            found = [np.setdiff1d(self._index[axis], [one]) for axis in axes]
            for i in range(len(axes)):
                for j in range(i):
                    shared = np.intersect1d(found[i], found[j])
                    if len(shared):
                        pairs.append((number, i, j, shared))
        return pairs

    def pack(self, masks: dict[str, np.ndarray]) -> np.ndarray:
        """Packs boolean vectors by name of group: end to end, then True for all others."""
        return np.concatenate([*(masks[name] for name in self.spans), [True]])

    def unpack(self, packed: np.ndarray) -> dict[str, np.ndarray]:
        """The boolean vectors by name of group that `pack` packed."""
        return {name: packed[span] for name, span in self.spans.items()}

    def count(self, packed: np.ndarray) -> int:
        """What is left of the cost.

        Args:
            packed: A packed mask, see `pack`.
        """
        lengths = self._lengths(packed)
        return sum(entry * prod(lengths[axis] for axis in axes) for entry, axes in self._terms)

    def increments(self, packed: np.ndarray) -> np.ndarray:
        """What each channel that is off would add, packed.

        Args:
            packed: A packed mask, see `pack`.
        """
        lengths = self._lengths(packed)
        slope = np.zeros(len(lengths))
        for entry, axes in self._terms:
            for i, axis in enumerate(axes):
                slope[axis] += entry * prod(
                    lengths[other] for j, other in enumerate(axes) if j != i
                )
        each, size = slope[self._axis_at], len(packed)
        own, channel = packed[self._own_places], packed[self._places]
        added = np.bincount(self._places, each * own, size)
        added += np.bincount(self._own_places, each * channel, size)
        for number, i, j, shared in self._pairs:
            entry, axes = self._terms[number]
            rest = prod(lengths[axis] for k, axis in enumerate(axes) if k not in (i, j))
            times = [np.bincount(self._index[axes[k]], minlength=size)[shared] for k in (i, j)]
            added[shared] += entry * rest * times[0] * times[1]
        return added

    def _lengths(self, packed: np.ndarray) -> list[int]:
        """How many positions stay along each axis."""
        if not self._index:
            return []
        kept = packed[self._places] & packed[self._own_places]
        return np.add.reduceat(kept, self._starts[:-1], dtype=int).tolist()
