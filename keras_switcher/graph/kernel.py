"""Kernels that are counted: their weights, and at how many positions each is used."""

from dataclasses import dataclass
from math import prod

import keras
import numpy as np

from keras_switcher.graph.axis import Axis
from keras_switcher.graph.call import Call
from keras_switcher.graph.edge import Edge

# What a kernel costs, see `Kernel.cost`.
COSTS = ("weights", "macs")


@dataclass(eq=False)
class Use:
    """One call in which a kernel's weights are used, once per position.

    Args:
        call: The call.
        sizes: The sizes of the axes along which the positions lie; in the place of one that is not
            known the reason, in words.
        axes: Axes of positions along which channels lie, too: with these, positions go.
    """

    call: Call
    sizes: list[int | str]
    axes: list[Axis]

    @property
    def unknown(self) -> str | None:
        """Why the number of positions is not known, in words, or None."""
        reasons = [size for size in self.sizes if isinstance(size, str)]
        return reasons[0] if reasons and 0 not in self.sizes else None

    def positions(self, keep: dict) -> int:
        """The number of positions when some channels are kept, by name of group; 0 if unknown."""
        if self.unknown or 0 in self.sizes:
            return 0
        lengths = [int(axis.kept(keep).sum()) for axis in self.axes]
        return prod(size for size in self.sizes if not isinstance(size, str)) * prod(lengths)


class Kernel:
    """A weight that is counted: `Params (%)` and MACs are sums over kernels.

    Args:
        weight: The weight.
        axes: The axes along which channels lie, see `ChannelGraph.axes_of`.
        uses: Its `Use`s, in the order of the graph.

    Attributes:
        connections_name: The name of its entries' `ConnectionGroup`, if it is a Dense layer's.
    """

    def __init__(self, weight: keras.Variable, axes: dict[int, Axis], uses: list[Use]) -> None:
        self.name = uses[0].call.name
        self.weight = weight
        self.axes = axes
        self.uses = uses
        edges = [axis for axis in axes.values() if isinstance(axis, Edge)]
        names = (edge.connections.name for edge in edges if edge.connections)
        self.connections_name: str | None = next(names, None)

    @property
    def is_countable(self) -> bool:
        """Whether its MACs are known."""
        return not self.unknown

    @property
    def unknown(self) -> dict[str, str]:
        """Why its MACs are not known, by name of call."""
        return {use.call.name: use.unknown for use in self.uses if use.unknown}

    def cost(self, of: str) -> int:
        """The number of its `"weights"`, or of its `"macs"` per sample where they are known."""
        size = prod(self.weight.shape)
        return size if of == "weights" else size * sum(use.positions({}) for use in self.uses)

    def between(self, matrix: np.ndarray, keep: dict) -> np.ndarray:
        """Masks a matrix of connections: zero where an input or output is not kept.

        Args:
            matrix: An entry per connection.
            keep: Boolean vectors by name of group.
        """
        for number, axis in self.axes.items():
            kept = axis.kept(keep)
            matrix = matrix * (kept[:, None] if number == 0 else kept)
        return matrix
