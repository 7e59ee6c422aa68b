"""Cost terms: costs of a network beside weights and MACs, as sums over numbers of channels."""

from dataclasses import dataclass, field
from math import prod
from typing import Any, Protocol

import numpy as np

from keras_switcher.graph.axis import Axis
from keras_switcher.graph.call import Call


@dataclass(eq=False)
class CostTerm:
    """A part of a cost that is proportional to the number of channels along each of some axes.

    Args:
        call: The call whose cost it is: where that is gone, so is the cost.
        each: What one position costs, in whole units.
        axes: The axes; none for a cost that stays as long as the call does.
    """

    call: Call
    each: int
    axes: list[Axis] = field(default_factory=list)

    @property
    def whole(self) -> int:
        """The cost before anything is removed."""
        return self.each * prod(axis.size for axis in self.axes)

    def left(self, keep: dict[str, np.ndarray]) -> int:
        """The cost of what is kept.

        Args:
            keep: Boolean vectors by name of group.
        """
        return self.each * prod(int(axis.kept(keep).sum()) for axis in self.axes)


class CostTable(Protocol):
    """A cost of a user's or device's own, see `keras_switcher.latency.LatencyTable`.

    Attributes:
        of: What it counts, in a word, as `"latency"`.
    """

    of: str

    def terms(self, channel_graph: Any) -> list[CostTerm]:
        """The terms of a network's cost; the first argument is its `ChannelGraph`."""


class KnownTerms:
    """A table whose terms of one network are known, to count them again and again.

    Args:
        table: The table.
        channel_graph: The network's `ChannelGraph`.
    """

    def __init__(self, table: CostTable, channel_graph: Any) -> None:
        self.of = table.of
        self._terms = table.terms(channel_graph)

    def terms(self, channel_graph: Any) -> list[CostTerm]:
        """The terms; the argument is that same `ChannelGraph`."""
        return self._terms


# What a budget is a share of: "weights", "macs", or what a table says.
Measure = str | CostTable


def name_of(measure: Measure) -> str:
    """The name of a measure.

    Args:
        measure: The measure.
    """
    return measure if isinstance(measure, str) else measure.of
