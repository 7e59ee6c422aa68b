"""A path through all kernels of connections that is kept in any case, so that none is cut off."""

import numpy as np

from keras_switcher.graph.axis import Axis
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.groups import split_factors
from keras_switcher.graph.kernel import Kernel
from keras_switcher.pruning.planning import plan_removal

Masks = dict[str, np.ndarray]


def connected_path(channel_graph: ChannelGraph, factors: dict[str, np.ndarray]) -> Masks:
    """Masks with the strongest connection of each kernel, from unit to unit through the network.

    A kernel's connection is its strongest one from a unit that the path reaches already, and to
    one, where it has such; what it connects stays, too. Strong is a connection by its own factor
    times those of its ends. Only what is used and depends on anything is looked at, since that
    leads on to the outputs.

    Args:
        channel_graph: The network's `ChannelGraph`.
        factors: Maps names of groups to vectors, and of connection groups to matrices; zero for
            what is off.

    Returns:
        Boolean matrices by name of all connection groups among the factors, empty for kernels that
        are cut off already, and vectors by name of the groups of channels that make or read these.
    """
    channels, connections = split_factors(factors)
    path = _Path(channel_graph, channels, connections) if connections else None
    return path.masks if path else {}


class _Path:
    """See `connected_path`."""

    def __init__(self, channel_graph: ChannelGraph, channels: Masks, connections: Masks) -> None:
        plan = plan_removal(channel_graph, {**channels, **connections})
        acts = {name: np.where(keep, plan.scale[name], 0) for name, keep in plan.keep.items()}
        self._kernels = {
            id(kernel.weight): kernel
            for kernel in channel_graph.kernels
            if kernel.connections_name in connections
        }
        self._strength = {
            key: kernel.between(connections[str(kernel.connections_name)], acts)
            for key, kernel in self._kernels.items()
        }
        self._groups = {group.name: group for group in channel_graph.groups}
        self._acts = {name: vector for name, vector in acts.items() if name in channels}
        self._reached: Masks = {}
        self._connected = {name: np.zeros(f.shape, bool) for name, f in connections.items()}
        for kernel in self._kernels.values():  # Producers come before readers.
            self._connect(kernel)

    @property
    def masks(self) -> Masks:
        """What the path connects, and which channels it reaches."""
        reached = {name: self._reached[name] for name in self._acts if name in self._reached}
        return {**self._connected, **reached}

    def _connect(self, kernel: Kernel) -> None:
        """Adds a connection of a kernel."""
        strength = self._strength[id(kernel.weight)]
        inputs, outputs = kernel.axes.get(0), kernel.axes.get(1)
        for group in inputs.groups if inputs else ():
            acts = self._acts.get(group.name)
            if acts is not None and acts.any():  # No connections make it: its strongest stays.
                self._reached.setdefault(group.name, np.arange(group.size) == np.argmax(acts))
        rows, columns = (
            np.ones(size, bool) if axis is None else axis.kept(self._reached)
            for axis, size in zip((inputs, outputs), strength.shape, strict=True)
        )
        from_reached = strength * rows[:, None]
        self._add(kernel, [from_reached * columns, from_reached, strength * columns, strength])

    def _add(self, kernel: Kernel, choices: list[np.ndarray]) -> None:
        """Adds the strongest connection of the first choices that there are any of."""
        strength = next((matrix for matrix in choices if matrix.any()), None)
        if strength is None:
            return
        row, column = np.unravel_index(np.argmax(strength), strength.shape)
        self._connected[str(kernel.connections_name)][row, column] = True
        if 1 in kernel.axes:
            self._reach(kernel.axes[1], int(column))
        if 0 in kernel.axes:
            edge = kernel.axes[0]
            if own := getattr(edge, "input_group", None):
                self._mark(own.name, int(row))
            for name, channel in self._reach(edge, int(row)):
                self._lead_to(name, channel)

    def _lead_to(self, name: str, channel: int) -> None:
        """Adds connections to a channel that the path has not reached: else it is a constant."""
        for producer in self._groups[name].producers:
            kernel = self._kernels.get(id(producer.kernel))
            if kernel is not None:
                columns = producer.entries[producer.channels == channel]
                strength = self._strength[id(kernel.weight)]
                into = np.where(np.isin(np.arange(strength.shape[1]), columns), strength, 0)
                rows = kernel.axes[0].kept(self._reached) if 0 in kernel.axes else True
                self._add(kernel, [into * np.reshape(rows, (-1, 1)), into])

    def _reach(self, axis: Axis, position: int) -> list[tuple[str, int]]:
        """Marks the channel at a position of an axis; returns its group and it where it is new."""
        new = []
        for group in axis.groups:
            entries, channels = axis.entries_of(group)
            here = channels[entries == position].tolist()
            new += [(group.name, channel) for channel in here if self._mark(group.name, channel)]
        return new

    def _mark(self, name: str, channel: int) -> bool:
        """Marks a channel; returns whether it is new."""
        reached = self._reached.setdefault(name, np.zeros(self._groups[name].size, bool))
        is_new = not reached[channel]
        reached[channel] = True
        return is_new
