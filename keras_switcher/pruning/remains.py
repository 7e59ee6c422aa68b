"""Remains: the channels, weights and calls that are left when a plan is carried out."""

from functools import cached_property

import keras
import numpy as np
from keras import tree

from keras_switcher.graph.axis import Axis
from keras_switcher.graph.call import Call
from keras_switcher.graph.channel_graph import ChannelGraph


class Remains:
    """The channels, entries of weights and calls that are left: surgery as a dry run.

    Args:
        channel_graph: The network's `ChannelGraph`.
        keep: Boolean vectors by name of group: the channels that stay; none for all.

    Attributes:
        empty: Names of the groups of which no channel stays.
    """

    def __init__(self, channel_graph: ChannelGraph, keep: dict[str, np.ndarray]) -> None:
        self._channel_graph = channel_graph
        self._keep = keep
        self.empty = [name for name, mask in keep.items() if not mask.any()]

    def kept(self, axis: Axis) -> np.ndarray:
        """Which positions of an axis stay: a boolean vector."""
        return axis.kept(self._keep)

    def kept_along(self, tensor: keras.KerasTensor) -> dict[int, np.ndarray]:
        """Which channels of a tensor stay: boolean vectors by axis."""
        return {n: self.kept(axis) for n, axis in self._channel_graph.axes_along(tensor).items()}

    def entries(self, weight: keras.Variable) -> int:
        """How many entries of a weight stay."""
        left = int(np.prod(weight.shape))
        for number, axis in self._channel_graph.axes_of(weight).items():
            left = left // weight.shape[number] * int(self.kept(axis).sum())
        return left

    def reads_nothing(self, call: Call) -> bool:
        """Whether a kernel reads no channel any more."""
        edges = self._channel_graph.edges_at(call) if self.empty else ()
        return any(not self.kept(edge).any() for edge in edges)

    def makes_nothing(self, call: Call) -> bool:
        """Whether all channels that a call returns are gone."""
        return bool(self.empty) and all(
            any(not kept.any() for kept in self.kept_along(tensor).values())
            for tensor in tree.flatten(call.outputs)
        )

    def is_constant(self, call: Call) -> bool:
        """Whether what a call returns has no channel left, or depends on no input any more."""
        return all(id(tensor) in self._constants for tensor in tree.flatten(call.outputs))

    @cached_property
    def calls(self) -> dict[int, Call]:
        """The calls of the smaller network by `id`: those that its outputs depend on."""
        graph = self._channel_graph.graph
        read = {id(tensor) for tensor in tree.flatten(graph.outputs)}
        found: dict[int, Call] = {}
        for call in reversed(graph.calls):
            outputs = tree.flatten(call.outputs)
            if not self.is_constant(call) and any(id(tensor) in read for tensor in outputs):
                read.update(map(id, call.inputs))
                found[id(call)] = call
        return found

    @cached_property
    def folded(self) -> set[int]:
        """The `id`s of the calls that make constants, or read some."""

        def reads_constants(call: Call) -> bool:
            return any(id(tensor) in self._constants for tensor in call.inputs)

        calls = self._channel_graph.graph.calls if self.empty else ()
        return {id(call) for call in calls if self.is_constant(call) or reads_constants(call)}

    @cached_property
    def _constants(self) -> set[int]:
        """The `id`s of the tensors that are constants in the smaller network."""
        found: set[int] = set()
        for call in self._channel_graph.graph.calls if self.empty else ():
            folds = call.inputs and all(id(tensor) in found for tensor in call.inputs)
            if folds or self.reads_nothing(call) or self.makes_nothing(call):
                found.update(map(id, tree.flatten(call.outputs)))
        return found
