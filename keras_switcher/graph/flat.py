"""The channels of many groups in one vector, so that many axes are gathered at once."""

from collections.abc import Iterable

import numpy as np
from keras import ops

from keras_switcher.graph.axis import Axis, Edge


class FlatChannels:
    """Lays the channels of groups end to end, with a one behind them that stands for all others.

    A deep network has hundreds of axes along which vectors are gathered. One by one they make a
    graph that takes TensorFlow minutes to optimise; as one gather they cost nothing.

    Args:
        vectors: Maps names of groups to vectors of shape `(group.size,)`.

    Attributes:
        values: The vectors end to end, then 1.
    """

    def __init__(self, vectors: dict):
        sizes = [vector.shape[0] for vector in vectors.values()]
        self._ends = np.cumsum(sizes)
        self._starts = dict(zip(vectors, self._ends - sizes, strict=True))
        one = ops.ones(1, dtype=next(iter(vectors.values())).dtype) if vectors else ops.ones(1)
        values = ops.concatenate([*vectors.values(), one])
        # Changes no shape: it turns the sparse gradients of gathers into dense ones here, where
        # they are one vector, and not in the many vectors that were joined.
        self.values = ops.reshape(values, (-1,))

    def split(self, values) -> dict:
        """Vectors by name of group of values that are laid out like `self.values`."""
        if not self._starts:
            return {}
        *parts, _ = ops.split(values, self._ends.tolist(), axis=0)
        return dict(zip(self._starts, parts, strict=True))

    def index(self, axis: Axis) -> np.ndarray:
        """Where the channels along an axis are; the place of the one for groups without a vector.

        Args:
            axis: The axis. Of an `Edge`, the input group is left out, see `own_index`.
        """
        parts = [self._places(group) for group in axis.groups]
        return np.concatenate([*parts, [self.one]])[axis.index]

    def own_index(self, edge: Edge) -> np.ndarray | None:
        """Where the edge's own input positions are, or None if they have no vector."""
        group = edge.input_group
        return self._places(group) if group and group.name in self._starts else None

    def knows(self, edge: Edge) -> bool:
        """Whether any group that an edge reads has a vector."""
        groups = [*edge.groups, edge.input_group]
        return any(group and group.name in self._starts for group in groups)

    def gather(self, indices: Iterable[np.ndarray]) -> list:
        """The values at several lists of places, as one vector each."""
        indices = list(indices)
        if not indices:
            return []
        found = ops.take(self.values, np.concatenate(indices), axis=0)
        ends = np.cumsum([len(index) for index in indices])[:-1].tolist()
        return ops.split(found, ends, axis=0) if ends else [found]

    @property
    def one(self) -> int:
        """The place of the one behind all channels."""
        return self._ends[-1] if len(self._ends) else 0

    def _places(self, group):
        if group.name not in self._starts:
            return np.full(group.size, self.one)
        return self._starts[group.name] + np.arange(group.size)


def split_grains(factors: dict) -> tuple[dict, dict]:
    """Factors of channels (vectors) and factors of connections (matrices), by name."""
    channels = {name: factor for name, factor in factors.items() if len(factor.shape) == 1}
    return channels, {n: factor for n, factor in factors.items() if n not in channels}


def edge_factors(edges: list[Edge], factors: dict) -> list:
    """The vectors or matrices by which edges scale what they read, see `Edge.scales`.

    Args:
        edges: The edges.
        factors: Maps names of groups to vectors, and of connection groups to matrices.
    """
    channels, connections = split_grains(factors)
    flat = FlatChannels(channels)
    own = [flat.own_index(edge) for edge in edges]
    found = flat.gather([flat.index(edge) for edge in edges])
    of_inputs = iter(flat.gather([index for index in own if index is not None]))
    vectors = [
        vector if index is None else vector * next(of_inputs)
        for vector, index in zip(found, own, strict=True)
    ]
    for place, edge in enumerate(edges):
        matrix = edge.of_connections(connections)
        if matrix is not None:
            both = flat.knows(edge)
            vectors[place] = vectors[place][:, None] * matrix if both else matrix
    return vectors
