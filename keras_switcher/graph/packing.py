"""Packed vectors: those of many groups end to end, so that one gather serves every axis."""

from collections.abc import Iterable

import numpy as np
from keras import ops

from keras_switcher.graph.axis import Axis, Edge, Group
from keras_switcher.reductions import Tensor


class PackedLayout:
    """Lays the channels of groups end to end, with a one behind them that stands for all others.

    A deep network has hundreds of axes along which vectors are gathered. One by one they make a
    graph that takes TensorFlow minutes to optimise; as one gather they cost nothing.

    Args:
        groups: The `ChannelGroup`s that have vectors.
    """

    def __init__(self, groups: Iterable) -> None:
        groups = list(groups)
        sizes = [group.size for group in groups]
        self._ends = np.cumsum(sizes, dtype=int)
        names = [group.name for group in groups]
        self._starts = dict(zip(names, (self._ends - sizes).tolist(), strict=True))

    def join(self, vectors: dict) -> Tensor:
        """The vectors of the groups end to end, then 1.

        Args:
            vectors: Maps names of groups to vectors of shape `(group.size,)`.
        """
        parts = [vectors[name] for name in self._starts]
        one = ops.ones(1, dtype=parts[0].dtype) if parts else ops.ones(1)
        # Changes no shape: it turns the sparse gradients of gathers into dense ones here, where
        # they are one vector, and not in the many vectors that were joined.
        return ops.reshape(ops.concatenate([*parts, one]), (-1,))

    def split(self, values: Tensor) -> dict:
        """Vectors by name of group of values that are laid out like those of `join`."""
        if not self._starts:
            return {}
        *parts, _ = ops.split(values, self._ends.tolist(), axis=0)
        return dict(zip(self._starts, parts, strict=True))

    def places(self, group: Group) -> np.ndarray:
        """Where a group's channels are; the place of the one if it has no vector."""
        if group.name not in self._starts:
            return np.full(group.size, self.one)
        return self._starts[group.name] + np.arange(group.size)

    def index(self, axis: Axis) -> np.ndarray:
        """Where the channels along an axis are; the place of the one for groups without a vector.

        Args:
            axis: The axis. Of an `Edge`, the input group is left out, see `own_index`.
        """
        parts = [self.places(group) for group in axis.groups]
        return np.concatenate([*parts, [self.one]])[axis.index]

    def own_index(self, edge: Edge) -> np.ndarray | None:
        """Where the edge's own input positions are, or None if they have no vector."""
        group = edge.input_group
        return self.places(group) if group and group.name in self._starts else None

    def parts(self, axis: Axis) -> bool:
        """Whether an axis has only parts of vectors, or several: most are one group's as it is."""
        known = any(group.name in self._starts for group in axis.groups)
        return known and not (len(axis.groups) == 1 and axis.is_whole(axis.groups[0]))

    @property
    def one(self) -> int:
        """The place of the one behind all channels."""
        return int(self._ends[-1]) if len(self._ends) else 0


def by_granularity(factors: dict) -> tuple[dict, dict]:
    """Factors of channels (vectors) and factors of connections (matrices), by name."""
    channels = {name: factor for name, factor in factors.items() if len(factor.shape) == 1}
    return channels, {n: factor for n, factor in factors.items() if n not in channels}
