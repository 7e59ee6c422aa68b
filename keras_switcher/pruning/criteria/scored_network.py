"""ScoredNetwork: what a criterion can know of a network."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import keras
import numpy as np

from keras_switcher.graph.axis import Axis
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.groups import ChannelGroup


@dataclass(eq=False)
class ScoredNetwork:
    """A network as a criterion sees it: groups, the weights along their channels, observations.

    Args:
        channel_graph: The network's `ChannelGraph`.
        groups: The `ChannelGroup`s to score.
        observe_gradients: Returns, by name of group, the gradients of the loss on factors of one
            per channel: arrays of shape `(batches, channels)`. None without data.
        observe_activations: Returns, by name of group, the mean size of what the consumers read
            of each channel: vectors. None without data.
    """

    channel_graph: ChannelGraph
    groups: list[ChannelGroup]
    observe_gradients: Callable[[], dict[str, np.ndarray]] | None = None
    observe_activations: Callable[[], dict[str, np.ndarray]] | None = None

    @property
    def name(self) -> str:
        """The network's name."""
        return self.channel_graph.graph.name

    @cached_property
    def gradients(self) -> dict[str, np.ndarray]:
        """See `observe_gradients`."""
        return self._observed(self.observe_gradients)

    @cached_property
    def activations(self) -> dict[str, np.ndarray]:
        """See `observe_activations`."""
        return self._observed(self.observe_activations)

    @cached_property
    def kernels(self) -> dict[str, list[tuple[keras.Variable, int, Axis]]]:
        """The kernels along whose axes each group's channels lie, with the axis, by name of group.

        Kernels that make the channels, depthwise ones on the way, and those that read them; one of
        a group that is coupled to itself is there once per axis.
        """
        found: dict[str, list] = {group.name: [] for group in self.groups}
        weights = {id(kernel.weight): kernel.weight for kernel in self.channel_graph.kernels}
        weights.update({id(w): w for op in self._layers() for w in op.weights})
        for weight in weights.values():
            if len(weight.shape) < 2:
                continue
            for number, axis in self.channel_graph.axes_of(weight).items():
                for group in axis.groups:
                    if group.name in found:
                        found[group.name].append((weight, number, axis))
        for group in self.groups:
            if group.is_input:
                along = Axis([group], np.arange(group.size))
                found[group.name] = [(e.kernel, e.kernel_axis, along) for e in group.consumers]
        return found

    def scales(self, layer_type: type[keras.layers.Layer] = keras.layers.Layer) -> dict[str, list]:
        """The per-channel scales of layers of a type, with their axes, by name of group."""
        layers = [layer for layer in self._layers() if isinstance(layer, layer_type)]
        own = {id(weight) for layer in layers for weight in layer.weights}
        found: dict[str, list] = {group.name: [] for group in self.groups}
        for role, weight, axis in self.channel_graph.vectors:
            if role == "scale" and id(weight) in own:
                for group in axis.groups:
                    if group.name in found:
                        found[group.name].append((weight, axis))
        return found

    def _layers(self) -> list[keras.layers.Layer]:
        operations = self.channel_graph.graph.operations
        return [op for op in operations if isinstance(op, keras.layers.Layer)]

    def _observed(self, observe: Callable | None) -> dict[str, np.ndarray]:
        if observe is None:
            raise ValueError(
                f"This criterion looks at '{self.name}' at work: pass `data`, such as (x, y), or "
                "batches of them."
            )
        return observe()


def sum_along(values: np.ndarray, axis: int) -> np.ndarray:
    """Sums over all axes but one, in float64."""
    others = tuple(number for number in range(values.ndim) if number != axis)
    return values.sum(others, dtype="float64")


def sum_per_channel(values: np.ndarray, axis: Axis, group: ChannelGroup) -> np.ndarray:
    """Sums values along an axis over the positions of each channel of a group."""
    entries, channels = axis.entries_of(group)
    return np.bincount(channels, values[entries], group.size)
