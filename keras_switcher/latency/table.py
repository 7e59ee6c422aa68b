"""LatencyTable: how long the layers of a network take on a device, for any numbers of channels."""

from typing import Any

import keras
import numpy as np

from keras_switcher.arguments import is_number, own_arguments
from keras_switcher.graph.axis import Axis
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.cost_terms import CostTerm
from keras_switcher.latency.kinds import kind_of
from keras_switcher.pruning.kept import kept_channels, masks_of
from keras_switcher.pruning.remains import Remains

PICOSECONDS = 1e12


@keras.saving.register_keras_serializable(package="keras_switcher")
class LatencyTable:
    """How long the layers of a network take on a device, as a cost that a budget can be a share of.

    `measure` makes one. Each kind of layer has a time of four parts: a fixed one, and those that
    are proportional to the channels that it reads, to those that it makes, and to their product.

    Args:
        kinds: Maps keys of kinds of calls to lists of the four coefficients, in seconds.
        overhead: Seconds that a network takes beside its layers.
        format: The format whose runtime was measured.
        threads: The number of its threads.
        batch: The number of samples.
        round_to: The multiple of channels below which narrower layers are not faster.

    Raises:
        ValueError: If times are no numbers, are negative, or all zero.

    Example:

    >>> hidden = keras.layers.Dense(3, name="hidden")
    >>> model = keras.Sequential([keras.Input((4,)), hidden, keras.layers.Dense(2, name="head")])
    >>> channel_graph = ChannelGraph(model)
    >>> first, second = (kind_of(call, channel_graph).key for call in channel_graph.graph.calls)
    >>> table = LatencyTable({first: [1e-6, 0, 2e-6, 0], second: [0, 1e-6, 0, 0]}, overhead=1e-6)
    >>> table.milliseconds(model)  # 1 + 1 + 2 * 3 + 1 * 3 microseconds.
    0.011
    """

    of = "latency"

    def __init__(
        self,
        kinds: dict[str, list[float]],
        overhead: float = 0.0,
        format: str = "litert",
        threads: int = 1,
        batch: int = 1,
        round_to: int = 1,
    ) -> None:
        _check(kinds, overhead)
        self.kinds = kinds
        self.overhead = overhead
        self.format = format
        self.threads = threads
        self.batch = batch
        self.round_to = round_to

    def terms(self, channel_graph: ChannelGraph) -> list[CostTerm]:
        """The time of a network in picoseconds, as terms of its numbers of channels.

        Args:
            channel_graph: The network's `ChannelGraph`.

        Raises:
            ValueError: If a layer of it was not measured.
        """
        calls = channel_graph.graph.calls
        terms = [CostTerm(calls[-1], self._whole(self.overhead))] if self.overhead else []
        for call in calls:
            kind = kind_of(call, channel_graph)
            if kind is None:
                continue
            if kind.key not in self.kinds:
                raise ValueError(
                    f"The table has no time for '{call.name}' (of type {type(call.op).__name__}): "
                    "it was measured for another network. Measure this one: "
                    "keras_switcher.latency.measure(task). Of one that was pruned: "
                    "milliseconds(pruned, pruned_from=task)."
                )
            inputs = [kind.inputs] if kind.inputs is not None else []
            outputs = [kind.outputs] if kind.outputs is not None else []
            axes: list[list[Axis]] = [[], inputs, outputs, [*inputs, *outputs]]
            for each, along in zip(self.kinds[kind.key], axes, strict=True):
                if each:
                    terms.append(CostTerm(call, self._whole(each), along))
        return terms

    def milliseconds(self, model: keras.Model, pruned_from: keras.Model | None = None) -> float:
        """How long a batch of a network takes, by the table.

        Args:
            model: The network that was measured, or one of its kind, whole.
            pruned_from: That network, if `model` is what pruning has left of it: its groups of
                channels are found by the names of their layers. Whole branches may be gone.

        Raises:
            ValueError: If a layer of it was not measured, or a group is not found.
        """
        whole = ChannelGraph(model if pruned_from is None else pruned_from)
        keep = {} if pruned_from is None else _kept(ChannelGraph(model), whole)
        calls = Remains(whole, keep).calls
        terms = [term for term in self.terms(whole) if id(term.call) in calls]
        return sum(term.left(keep) for term in terms) / PICOSECONDS * 1000

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return own_arguments(LatencyTable, self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LatencyTable":
        """A table from `get_config`."""
        return cls(**config)

    def __repr__(self) -> str:
        threads = f"{self.threads} thread" + "s" * (self.threads != 1)
        return f"LatencyTable({len(self.kinds)} kinds of layers, {self.format}, {threads})"

    def _whole(self, seconds: float) -> int:
        return round(seconds * PICOSECONDS)


def _kept(pruned: ChannelGraph, whole: ChannelGraph) -> dict[str, np.ndarray]:
    """Masks of as many channels of each group as pruning has left: how many is all that counts."""
    numbers = kept_channels(whole, pruned)
    known = {name: number for name, number in numbers.items() if number is not None}
    if len(known) < len(numbers):
        unknown = ", ".join(repr(name) for name in numbers if name not in known)
        raise ValueError(
            f"'{pruned.graph.name}' was not pruned from '{whole.graph.name}': it has other "
            f"channels, or none, in {unknown}."
        )
    return masks_of(whole, known)


def _check(kinds: dict[str, list[float]], overhead: float) -> None:
    fours = all(len(each) == 4 for each in kinds.values())
    numbers = [overhead, *(number for each in kinds.values() for number in each)]
    are_times = all(is_number(number) and number >= 0 for number in numbers)
    takes_time = are_times and (overhead or not kinds or any(numbers[1:]))
    if not (fours and takes_time):
        raise ValueError(
            "A LatencyTable has four coefficients for each kind of layer and an `overhead`: finite "
            "numbers that are not negative, and not all zero. Received: "
            f"kinds={str(kinds)[:200]}, overhead={overhead!r}."
        )
