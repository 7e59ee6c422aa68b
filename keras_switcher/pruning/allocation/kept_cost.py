"""KeptCost: what masks leave of a network's costs, and what one more channel adds."""

from collections.abc import Collection
from math import prod
from typing import NamedTuple

import numpy as np

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.cost_terms import Measure
from keras_switcher.graph.packing import PackedLayout
from keras_switcher.pruning.allocation.axis_lengths import AxisLengths


class Term(NamedTuple):
    """A part of a cost, proportional to the lengths of some axes.

    Args:
        each: What one position costs.
        axes: The numbers of these axes.
        calls: The `id`s of the calls of which one is enough that it is there.
    """

    each: int
    axes: list[int]
    calls: set[int]


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
        self._lengths = AxisLengths(self.layout)
        number = self._lengths.number
        self._terms: list[Term] = []
        for term in () if isinstance(of, str) else of.terms(channel_graph):
            axes = [number(axis) for axis in term.axes]
            self._terms.append(Term(term.each, axes, {id(term.call)}))
        for kernel in channel_graph.kernels if isinstance(of, str) else ():
            if kernel.connections_name in without:
                continue
            along = [number(axis) for axis in kernel.axes.values()]
            entry = prod(kernel.weight.shape) // prod(axis.size for axis in kernel.axes.values())
            if of == "weights":
                self._terms.append(Term(entry, along, {id(use.call) for use in kernel.uses}))
                continue
            for use in kernel.uses:
                fixed = use.positions({}) // max(1, prod(axis.size for axis in use.axes))
                axes = [number(axis) for axis in use.axes]
                self._terms.append(Term(entry * fixed, along + axes, {id(use.call)}))
        self._pairs = self._find_pairs()

    def _find_pairs(self) -> list[tuple[int, int, int, np.ndarray]]:
        """Terms in which the same channel lies along two axes: as they are counted together."""
        one = self.layout.one
        pairs = []
        for number, (_, axes, _) in enumerate(self._terms):
            found = [np.setdiff1d(self._lengths.index[axis], [one]) for axis in axes]
            for i in range(len(axes)):
                for j in range(i):
                    shared = np.intersect1d(found[i], found[j])
                    if len(shared):
                        pairs.append((number, i, j, shared))
        return pairs

    def pack(self, masks: dict[str, np.ndarray]) -> np.ndarray:
        """Packs boolean vectors by name of group: end to end, then True for all others."""
        return self.layout.pack(masks)

    def unpack(self, packed: np.ndarray) -> dict[str, np.ndarray]:
        """The boolean vectors by name of group that `pack` packed."""
        return self.layout.unpack(packed)

    def terms_of(self, calls: Collection[int]) -> list[Term]:
        """The terms of which there is something left.

        Args:
            calls: The `id`s of the calls that are.
        """
        return [term for term in self._terms if not term.calls.isdisjoint(calls)]

    def count(self, packed: np.ndarray, terms: list[Term] | None = None) -> int:
        """What is left of the cost.

        Args:
            packed: A packed mask, see `pack`.
            terms: Those that count; by default all.
        """
        lengths = self._lengths(packed).tolist()
        terms = self._terms if terms is None else terms
        return sum(entry * prod([lengths[axis] for axis in axes]) for entry, axes, _ in terms)

    def increments(self, packed: np.ndarray) -> np.ndarray:
        """What each channel that is off would add, packed.

        Args:
            packed: A packed mask, see `pack`.
        """
        lengths = self._lengths(packed).tolist()
        slope = np.zeros(len(lengths))
        for entry, axes, _ in self._terms:
            for i, axis in enumerate(axes):
                slope[axis] += entry * prod(
                    lengths[other] for j, other in enumerate(axes) if j != i
                )
        each, size = slope[self._lengths.axis_at], len(packed)
        places, own_places = self._lengths.places, self._lengths.own_places
        added = np.bincount(places, each * packed[own_places], size)
        added += np.bincount(own_places, each * packed[places], size)
        for number, i, j, shared in self._pairs:
            entry, axes, _ = self._terms[number]
            rest = prod(lengths[axis] for k, axis in enumerate(axes) if k not in (i, j))
            times = [
                np.bincount(self._lengths.index[axes[k]], minlength=size)[shared] for k in (i, j)
            ]
            added[shared] += entry * rest * times[0] * times[1]
        return added
