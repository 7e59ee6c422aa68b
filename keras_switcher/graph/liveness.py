"""Liveness: which channels still matter where factors are zero, for all groups at once."""

from collections.abc import Iterable
from functools import reduce
from operator import mul

import numpy as np
from keras import ops

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.edge import Edge
from keras_switcher.graph.groups import ChannelGroup, ConnectionGroup
from keras_switcher.graph.packing import PackedLayout
from keras_switcher.tensors import Tensor, as_constant


class Liveness:
    """Finds which channels are left when some positions of their consumers are switched off.

    A channel that all its consumers ignore is gone, and so is an input position whose channel is.

    Along a chain of concatenations every layer reads all groups before it. Looked at one by one,
    these pairs would make a graph that grows with the square of the chain's length.

    Args:
        channel_graph: The model's `ChannelGraph`.
        groups: The `ChannelGroup`s that have factors of their own.
        connections: The `ConnectionGroup`s of which it will be told what inputs have a connection
            left.

    Attributes:
        layout: The `PackedLayout` of what it is told: vectors by name of these groups, and vectors
            with an entry per input by name of these connection groups.
        names: Names of the groups of which it tells what is left: those that have factors, and
            all that these can empty further up.
        layout_left: The `PackedLayout` of what it tells: vectors by these names.
    """

    def __init__(
        self,
        channel_graph: ChannelGraph,
        groups: Iterable[ChannelGroup],
        connections: Iterable[ConnectionGroup] = (),
    ) -> None:
        groups = list(groups)
        inputs = {group.name: ChannelGroup(group.name, group.shape[0]) for group in connections}
        self.layout = PackedLayout([*groups, *inputs.values()])
        own = {id(edge): self._own_places(edge, inputs) for edge in channel_graph.edges}
        told = {key for key, places in own.items() if (places != self.layout.one).any()}
        given = {id(group) for group in groups}

        def may_empty(group: ChannelGroup) -> bool:
            return group.prunable and all(id(edge) in told for edge in group.consumers)

        def depends(group: ChannelGroup) -> bool:
            edge = group.consumers[0]
            return id(edge) in told or any(id(other) in given for other in edge.groups)

        emptied = [
            group for group in channel_graph.groups if not group.is_input and may_empty(group)
        ]
        read = [group for group in channel_graph.groups if group.is_input and depends(group)]
        known = given | {id(group) for group in emptied + read}
        left = [group for group in channel_graph.groups if id(group) in known]
        self.layout_left = PackedLayout(left)
        self.names = [group.name for group in left]
        one = np.full((3, 1), self.layout.one)
        places = np.concatenate([*(self._combined_places(g, own) for g in left), one], axis=1)
        self._combined = _Products(places, self.layout.one)
        self._consumers = _Consumers(emptied, own, self.layout.one) if emptied else None
        where = PackedLayout(emptied)
        self._read_places = np.concatenate([*map(where.places, left), [where.one]])
        self._read = as_constant(self._read_places)

    def __call__(self, values: Tensor) -> dict:
        """The channels that are left of each group, 1 or 0: vectors by name, for all `names`.

        Args:
            values: See `packed`.
        """
        return self.layout_left.split(self.packed(values))

    def packed(self, values: Tensor) -> Tensor:
        """The channels that are left of each group, 1 or 0, packed by `layout_left`.

        Args:
            values: Of each group a vector, 1 where its own factor is not zero and 0 where it is,
                joined by `layout`; likewise of the connections.
        """
        left = self._combined(values)
        if self._consumers is not None:
            left = left * ops.take(self._consumers(values), self._read, axis=0)
        return left

    def of_masks(self, masks: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What a call returns, for masks in NumPy: no backend has a part in it.

        Args:
            masks: Boolean vectors by name of what it is told of.
        """
        return self.layout_left.unpack(self.packed_masks(self.layout.pack(masks)))

    def packed_masks(self, packed: np.ndarray) -> np.ndarray:
        """The masks of what is left, packed by `layout_left`.

        Args:
            packed: See `of_masks`; packed by `layout`.
        """
        left = self._combined.of_masks(packed)
        if self._consumers is not None:
            left = left & self._consumers.of_masks(packed)[self._read_places]
        return left

    def _own_places(self, edge: Edge, inputs: dict) -> np.ndarray:
        """Indices, in two vectors, of what switches off an edge's positions themselves."""
        own, connections = edge.input_group, edge.connections
        ones = np.full(edge.size, self.layout.one)
        connected = inputs.get(connections.name) if connections else None
        return np.stack([self.layout.places(g) if g else ones for g in (own, connected)])

    def _combined_places(self, group: ChannelGroup, own: dict) -> np.ndarray:
        """Indices, in three vectors, of what multiplies a group's channels."""
        if group.is_input:
            edge = group.consumers[0]
            return np.stack([self.layout.index(edge), *own[id(edge)]])
        ones = np.full(group.size, self.layout.one)
        return np.stack([self.layout.places(group), ones, ones])


class _Products:
    """Gathers at several lists of places, and multiplies.

    Args:
        places: A list of places per row.
        one: The place of a one: rows of nothing else are left out.
    """

    def __init__(self, places: np.ndarray, one: int) -> None:
        rows = [row for row in places if (row != one).any()]
        self._rows = rows or [places[0]]
        self._places = [as_constant(row) for row in self._rows]

    def __call__(self, values: Tensor) -> Tensor:
        return reduce(mul, (ops.take(values, places, axis=0) for places in self._places))

    def of_masks(self, packed: np.ndarray) -> np.ndarray:
        """The same of a boolean vector."""
        return np.logical_and.reduce([packed[row] for row in self._rows])


class _Consumers:
    """Finds which channels of groups are used by at least one consumer.

    Args:
        groups: The groups.
        own: Maps ids of edges to the places of what switches off their positions.
        one: The place of a one.
    """

    def __init__(self, groups: list[ChannelGroup], own: dict, one: int) -> None:
        # A slot is a channel as one consumer sees it, at any number of positions.
        slots, channels = 0, 0
        places, slot_at, channel_of = [], [], []
        for group in groups:
            for edge in group.consumers:
                entries, numbers = edge.entries_of(group)
                places.append(own[id(edge)][:, entries])
                slot_at.append(slots + numbers)
                channel_of.append(channels + np.arange(group.size))
                slots += group.size
            channels += group.size
        self._positions = _Products(np.concatenate(places, axis=1), one)
        self._slot_at, self._slots = as_constant(np.concatenate(slot_at)), slots
        self._channel_of, self._channels = as_constant(np.concatenate(channel_of)), channels
        self._numbers = as_constant(np.arange(slots))
        self._channel_at = np.concatenate(channel_of)[np.concatenate(slot_at)]

    def __call__(self, values: Tensor) -> Tensor:
        """A vector with an entry per channel of all groups, then 1."""
        used = self._positions(values)
        used = ops.segment_max(used, self._slot_at, num_segments=self._slots)
        # A slot without positions has no maximum. With ops.maximum() some backends would halve the
        # gradient of those that are zero.
        used = ops.where(used >= 0, used, 0)
        if self._slots > self._channels:
            used = ops.take(used, self._first_consumers(used), axis=0)
        return ops.append(used, ops.ones(1, used.dtype))

    def of_masks(self, packed: np.ndarray) -> np.ndarray:
        """The same for a boolean vector."""
        used = self._positions.of_masks(packed)
        return np.append(np.bincount(self._channel_at, used, self._channels) > 0, True)

    def _first_consumers(self, used: Tensor) -> Tensor:
        """For each channel the first slot that uses it most: the one that gets the gradient."""
        most = ops.segment_max(used, self._channel_of, num_segments=self._channels)
        is_most = used >= ops.take(most, self._channel_of, axis=0)
        numbers = ops.where(is_most, self._numbers, self._slots - 1)
        return ops.segment_min(numbers, self._channel_of, num_segments=self._channels)
