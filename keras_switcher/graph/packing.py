"""Packed vectors: the vectors of all groups concatenated, so that one gather serves every axis."""

from collections.abc import Iterable

import numpy as np
from keras import ops

from keras_switcher.graph.axis import Axis, GroupProtocol
from keras_switcher.graph.edge import Edge
from keras_switcher.tensors import Tensor


class PackedLayout:
    """The layout of a packed vector: the channels of groups end to end, then a one for all others.

    A deep network has hundreds of axes along which vectors are gathered. One by one they make a
    graph that takes TensorFlow minutes to optimise; as one gather they cost nothing.

    Args:
        groups: The `ChannelGroup`s that have vectors.

    Attributes:
        one: The place of the one behind all channels.
    """

    def __init__(self, groups: Iterable) -> None:
        groups = list(groups)
        sizes = [group.size for group in groups]
        self._ends = np.cumsum(sizes, dtype=int)
        self.one = sum(sizes)
        names = [group.name for group in groups]
        self._starts = dict(zip(names, (self._ends - sizes).tolist(), strict=True))

    def join(self, vectors: dict) -> Tensor:
        """Packs the vectors of the groups: end to end, then 1.

        Args:
            vectors: Maps names of groups to vectors of shape `(group.size,)`.
        """
        parts = [vectors[name] for name in self._starts]
        one = ops.ones(1, dtype=parts[0].dtype) if parts else ops.ones(1)
        # Changes no shape: it turns the sparse gradients of gathers into dense ones here, where
        # they are one vector, and not in the many vectors that were joined.
        return ops.reshape(ops.concatenate([*parts, one]), (-1,))

    def split(self, values: Tensor) -> dict:
        """Unpacks values that are laid out like those of `join`: vectors by name of group."""
        if not self._starts:
            return {}
        *parts, _ = ops.split(values, self._ends.tolist(), axis=0)
        return dict(zip(self._starts, parts, strict=True))

    def pack(self, masks: dict[str, np.ndarray]) -> np.ndarray:
        """Packs boolean vectors by name of group: end to end, then True for all others."""
        return np.concatenate([*(masks[name] for name in self._starts), [True]])

    def unpack(self, packed: np.ndarray) -> dict[str, np.ndarray]:
        """The boolean vectors by name of group that `pack` packed."""
        spans = zip(self._starts.items(), self._ends.tolist(), strict=True)
        return {name: packed[start:end] for (name, start), end in spans}

    def places(self, group: GroupProtocol) -> np.ndarray:
        """Indices of a group's channels in the packed vector; of the one if it has no vector."""
        if group.name not in self._starts:
            return np.full(group.size, self.one)
        return self._starts[group.name] + np.arange(group.size)

    def index(self, axis: Axis) -> np.ndarray:
        """Indices of an axis's channels in the packed vector; of the one without a vector.

        Args:
            axis: The axis. Of an `Edge`, the input group is left out, see `own_index`.
        """
        parts = [self.places(group) for group in axis.groups]
        return np.concatenate([*parts, [self.one]])[axis.index]

    def own_index(self, edge: Edge) -> np.ndarray | None:
        """Indices of the edge's own input positions, or None if they have no vector."""
        group = edge.input_group
        return self.places(group) if group and group.name in self._starts else None

    def needs_gather(self, axis: Axis) -> bool:
        """Whether an axis needs a gather: most are the vector of one group as it is."""
        known = any(group.name in self._starts for group in axis.groups)
        return known and not (len(axis.groups) == 1 and axis.is_whole(axis.groups[0]))
