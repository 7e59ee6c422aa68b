"""The factors of every gated edge, gathered at once from the packed vectors of all groups."""

from collections.abc import Iterable

import numpy as np
from keras import ops

from keras_switcher.graph.edge import Edge
from keras_switcher.graph.packing import PackedLayout
from keras_switcher.tensors import Tensor, as_constant


class EdgeFactors:
    """Computes for each edge the vector or matrix that scales its kernel, see `Edge.scales`.

    Edges that read parts of groups, or several, get their vectors by one gather for all of them.

    Args:
        edges: The edges.
        groups: The `ChannelGroup`s that have factors.
    """

    def __init__(self, edges: Iterable[Edge], groups: Iterable) -> None:
        self._edges = list(edges)
        self._layout = PackedLayout(groups)
        self._is_gathered = [self._layout.needs_gather(edge) for edge in self._edges]
        self._gather = _Gather(
            self._layout.index(edge)
            for edge, is_gathered in zip(self._edges, self._is_gathered, strict=True)
            if is_gathered
        )

    def __call__(self, factors: dict) -> list:
        """One vector or matrix per edge.

        Args:
            factors: Maps names of groups to vectors, and of connection groups to matrices.
        """
        found = iter(self._gather(self._layout.join(factors)))
        scales = [
            edge.scales(factors, channels=next(found) if is_gathered else None)
            for edge, is_gathered in zip(self._edges, self._is_gathered, strict=True)
        ]
        return [
            ops.ones(edge.size) if scale is None else scale
            for edge, scale in zip(self._edges, scales, strict=True)
        ]


class _Gather:
    """Gathers a vector's entries at several lists of indices, in one operation."""

    def __init__(self, indices: Iterable[np.ndarray]) -> None:
        indices = list(indices)
        self._ends = np.cumsum([len(index) for index in indices], dtype=int).tolist()
        self._places = as_constant(np.concatenate(indices)) if indices else None

    def __call__(self, values: Tensor) -> list:
        if self._places is None:
            return []
        found = ops.take(values, self._places, axis=0)
        return ops.split(found, self._ends[:-1], axis=0) if len(self._ends) > 1 else [found]
