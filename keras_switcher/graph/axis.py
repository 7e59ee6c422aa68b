"""Axes and edges: which group's channel lies at each position of a kernel's or tensor's axis."""

from collections.abc import Collection, Iterable
from functools import cached_property
from types import ModuleType
from typing import Protocol

import keras
import numpy as np
from keras import ops

from keras_switcher.graph.call import Call
from keras_switcher.reductions import Tensor


class Group(Protocol):
    """A `ChannelGroup` as axes know it: its own module builds on this one."""

    name: str
    size: int
    consumers: "list[Edge]"
    reason: str | None
    is_normalized: bool

    @property
    def prunable(self) -> bool: ...


class Connections(Protocol):
    """A `ConnectionGroup` as edges know it."""

    name: str
    edges: "list[Edge]"

    @property
    def shape(self) -> tuple[int, int]: ...


class Axis:
    """One axis of a tensor or weight: at each position a channel of a group, or of none.

    Args:
        groups: The groups whose channels lie along the axis.
        index: Integer array of shape `(size,)` into the concatenated channels of `groups`; the
            number after the last channel stands for "of no group".
    """

    def __init__(self, groups: Iterable[Group], index: np.ndarray) -> None:
        self.groups = tuple(groups)
        self.index = np.asarray(index)

    @property
    def size(self) -> int:
        """Number of positions."""
        return len(self.index)

    def gather(self, vectors: dict[str, Tensor], xp: ModuleType = ops) -> Tensor | None:
        """Lays per-channel vectors out along the axis.

        Args:
            vectors: Maps names of groups to vectors of shape `(group.size,)`. A group that is not
                in it counts as all ones.
            xp: `keras.ops`, or `numpy` for arrays (masks included).

        Returns:
            A vector of shape `(size,)`, or None where it would be all ones.
        """
        known = [vectors[group.name] for group in self.groups if group.name in vectors]
        if not known:
            return None
        if len(self.groups) == 1 and self.is_whole(self.groups[0]):
            return known[0]
        dtype = known[0].dtype
        parts = [
            vectors[group.name] if group.name in vectors else xp.ones(group.size, dtype=dtype)
            for group in self.groups
        ]
        return xp.take(xp.concatenate([*parts, xp.ones(1, dtype=dtype)]), self.index, axis=0)

    def kept(self, keep: dict[str, np.ndarray]) -> np.ndarray:
        """Which positions stay: a boolean vector.

        Args:
            keep: Boolean vectors by name of group; those of other groups stay.
        """
        kept = self.gather(keep, np)
        return np.ones(self.size, bool) if kept is None else kept

    def is_whole(self, group: Group) -> bool:
        """Whether the axis is just the channels of `group`, in order."""
        return self.size == group.size and np.array_equal(self.index, np.arange(group.size))

    def entries_of(self, group: Group) -> tuple[np.ndarray, np.ndarray]:
        """The positions that belong to `group`, and the channel at each of them."""
        return self._entries[id(group)]

    @cached_property
    def _entries(self) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        # For all groups at once: an axis behind many concatenations has as many groups.
        ends = np.cumsum([group.size for group in self.groups], dtype=int)
        number = np.searchsorted(ends, self.index, side="right")
        order = np.argsort(number, kind="stable")
        bounds = np.searchsorted(number[order], np.arange(len(ends) + 1))
        channels = self.index[order] - np.append(0, ends)[number[order]]
        return {
            id(group): (order[start:end], channels[start:end])
            for group, start, end in zip(self.groups, bounds, bounds[1:], strict=False)
        }


class Edge(Axis):
    """The input axis of a kernel that mixes channels: where factors act, and channels are dropped.

    Args:
        groups: See `Axis`.
        index: See `Axis`.
        call: The `Call` that reads the tensor.
        kernel: The weight (a `keras.Variable`) that mixes the channels.
        kernel_axis: The axis of `kernel` along which they lie.
        tensor_axis: The axis of the call's input along which they lie.
        input_group: The group of the input positions themselves, if the edge has one.

    Attributes:
        connections: The `ConnectionGroup` of the kernel's entries, if it is a Dense layer's.
    """

    def __init__(
        self,
        groups: Iterable[Group],
        index: np.ndarray,
        call: Call,
        kernel: keras.Variable,
        kernel_axis: int,
        tensor_axis: int,
        input_group: Group | None = None,
    ) -> None:
        super().__init__(groups, index)
        self.call = call
        self.kernel = kernel
        self.kernel_axis = kernel_axis
        self.tensor_axis = tensor_axis
        self.input_group = input_group
        self.connections: Connections | None = None

    def gather(
        self, vectors: dict[str, Tensor], xp: ModuleType = ops, channels: Tensor | None = None
    ) -> Tensor | None:
        """As `Axis.gather`, times the vector of the edge's own input group.

        Args:
            vectors: See `Axis.gather`.
            xp: See `Axis.gather`.
            channels: What `gather_channels` returns, where it is known.
        """
        channels = self.gather_channels(vectors, xp) if channels is None else channels
        own = vectors.get(self.input_group.name) if self.input_group else None
        if channels is None or own is None:
            return own if channels is None else channels
        return channels * own

    def factors_shape(self, names: Collection[str]) -> tuple[int, ...]:
        """The shape of what `scales` returns when the groups of these names have factors."""
        if self.connections and self.connections.name in names:
            return self.connections.shape
        return (self.size,)

    def scales(
        self, factors: dict[str, Tensor], xp: ModuleType = ops, channels: Tensor | None = None
    ) -> Tensor | None:
        """What multiplies the kernel: as `gather`, times the factors of the connections.

        Args:
            factors: Maps names of groups to vectors, and of connection groups to matrices.
            xp: See `gather`.
            channels: See `gather`.

        Returns:
            A vector with an entry per input, a matrix with one per connection, or None.
        """
        vector, matrix = self.gather(factors, xp, channels), self.of_connections(factors)
        if vector is None or matrix is None:
            return vector if matrix is None else matrix
        return vector[:, None] * matrix

    def of_connections(self, factors: dict[str, Tensor]) -> Tensor | None:
        """The matrix of the edge's connections among factors by name, or None."""
        return factors.get(self.connections.name) if self.connections else None

    def gather_channels(self, vectors: dict[str, Tensor], xp: ModuleType = ops) -> Tensor | None:
        """As `gather`, without the input group: what arrives at the edge."""
        return super().gather(vectors, xp)
