"""AxisLengths: how many positions masks leave along many axes, counted at once."""

from functools import cached_property

import numpy as np

from keras_switcher.graph.axis import Axis
from keras_switcher.graph.edge import Edge
from keras_switcher.graph.packing import PackedLayout


class AxisLengths:
    """Counts what stays along axes that have been added.

    Args:
        layout: The `PackedLayout` by which masks are packed.

    Attributes:
        index: The places in a packed mask of what lies along each axis.
    """

    def __init__(self, layout: PackedLayout) -> None:
        self._layout = layout
        self.index: list[np.ndarray] = []
        self._own: list[np.ndarray] = []
        self._numbers: dict[int, int] = {}
        self._axes: list[Axis] = []  # As long as they are there, no other one has their `id`.

    def number(self, axis: Axis) -> int:
        """The number of an axis, which is added if it is new."""
        if id(axis) not in self._numbers:
            self._numbers[id(axis)] = len(self._axes)
            self._axes.append(axis)
            own = self._layout.own_index(axis) if isinstance(axis, Edge) else None
            self.index.append(self._layout.index(axis))
            self._own.append(np.full(axis.size, self._layout.one) if own is None else own)
        return self._numbers[id(axis)]

    def __call__(self, packed: np.ndarray) -> np.ndarray:
        """How many positions stay along each axis, by number.

        Args:
            packed: A packed mask.
        """
        if not self.index:
            return np.zeros(0, int)
        kept = packed[self.places] & packed[self.own_places]
        return np.add.reduceat(kept, self._starts[:-1], dtype=int)

    @cached_property
    def places(self) -> np.ndarray:
        """The places in a packed mask of all positions, axis by axis."""
        return np.concatenate([*self.index, np.zeros(0, int)])

    @cached_property
    def own_places(self) -> np.ndarray:
        """The places of the groups of the positions themselves."""
        return np.concatenate([*self._own, np.zeros(0, int)])

    @cached_property
    def axis_at(self) -> np.ndarray:
        """The number of the axis at each of `places`."""
        return np.repeat(np.arange(len(self.index)), np.diff(self._starts))

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.cumsum([0, *(len(index) for index in self.index)])
