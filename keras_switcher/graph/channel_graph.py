"""The channel graph of a model: its calls, groups of channels, and where these lie in weights."""

from collections import defaultdict
from typing import Any

import keras
import numpy as np

from keras_switcher.graph.arguments import Kept
from keras_switcher.graph.axis import Axis
from keras_switcher.graph.call import Call
from keras_switcher.graph.edge import Edge
from keras_switcher.graph.grouping import build_groups, connection_groups
from keras_switcher.graph.groups import ChannelGroup
from keras_switcher.graph.hidden_weights import hidden_weights
from keras_switcher.graph.kernel import Kernel, Use
from keras_switcher.graph.labels import Size
from keras_switcher.graph.reading import read_graph
from keras_switcher.graph.tracing import trace


class ChannelGraph:
    """A model's calls, groups of coupled channels, and where each channel lies in every weight.

    Args:
        model: A built Functional or Sequential model. It is not changed.
        every_dense_input: Give each Dense layer a group of its own inputs, unless a channel group
            feeds that layer alone (`groups="dense"`).

    Attributes:
        every_dense_input: Whether Dense layers have groups of their own inputs wherever no channel
            group feeds them alone.
        graph: The model's `CallGraph`.
        groups: All `ChannelGroup`s, in the order of the graph; input groups last.
        edges: All `Edge`s.
        connections: The `ConnectionGroup` of every Dense layer.
        kernels: `Kernel`s: the weights that are counted.
        forbidden: Pairs of an `Axis` and a number of channels that must not be left along it.
        rows_per_sample: How many rows of the first axis belong to one sample, by `id` of a tensor,
            where that is not 1; None if unknown.
        ties: The `Tie`s: variables that several operations read.
        tied_ops: The `id`s of all layers and operations that share a variable with another one.
            Their channels are locked.
        hidden_weights: `HiddenWeights`: the layers whose kernels no rule reaches.
        vectors: Triples `(role, weight, axis)` of the per-channel scales and shifts.

    Raises:
        ValueError: If the model cannot be read (see `trace`).

    Example:

    >>> hidden, head = keras.layers.Dense(3, name="hidden"), keras.layers.Dense(2, name="head")
    >>> channel_graph = ChannelGraph(keras.Sequential([keras.Input((4,)), hidden, head]))
    >>> [group.name for group in channel_graph.groups if group.prunable]
    ['hidden', 'hidden/inputs']
    >>> [edge.call.name for edge in channel_graph.group("hidden").consumers]
    ['head']
    >>> {axis: along.groups[0].name for axis, along in channel_graph.axes_of(head.kernel).items()}
    {0: 'hidden', 1: 'head'}
    """

    def __init__(self, model: keras.Model, every_dense_input: bool = False) -> None:
        self.every_dense_input = every_dense_input
        self.graph = trace(model)
        reader, tied = read_graph(self.graph)
        self.ties, self.tied_ops = tied.ties, tied.tied_ops
        self.groups, self.edges, resolve = build_groups(reader, tied.reasons, every_dense_input)
        self.connections = connection_groups(self.graph.calls, self.edges, tied.reasons)
        edge_of = {(id(edge.kernel), edge.kernel_axis): edge for edge in self.edges}
        self._edges_at: dict[int, list[Edge]] = defaultdict(list)
        for edge in self.edges:
            self._edges_at[id(edge.call)].append(edge)
        self._axes: dict[int, dict[int, Axis]] = {}
        by_axis = sorted(reader.weights.along.items(), key=lambda item: item[0][1])
        for (weight, axis), ids in by_axis:
            found = edge_of.get((weight, axis)) or resolve(ids)
            self._axes.setdefault(weight, {})[axis] = found
        self._reader = reader
        self._along: dict[int, dict[int, Axis]] = {}
        self.rows_per_sample = reader.kernel_uses.rows_per_sample
        self.hidden_weights = hidden_weights(self.graph, reader)
        self._resolve = resolve
        self.kernels = [
            Kernel(kernel, self.axes_of(kernel), [self._use(*use) for use in uses])
            for kernel, uses in reader.kernel_uses
        ]
        limits = [*reader.forbidden, *((ids, 0) for ids in reader.all_ids())]
        self.forbidden = [(resolve(ids), count) for ids, count in limits]
        self.vectors = [
            (role, weight, resolve(ids)) for role, weight, ids in reader.weights.vectors.values()
        ]

    def group(self, name: str) -> ChannelGroup:
        """The group with this name, or that this layer produces.

        Raises:
            ValueError: If there is none, or several.
        """
        for group in self.groups:
            if group.name == name:
                return group
        found = [group for group in self.groups if not group.is_input and name in group.layer_names]
        if len(found) == 1:
            return found[0]
        names = ", ".join(f"'{group.name}'" for group in found or self.groups)
        problem = "names several channel groups" if found else "names no channel group or layer"
        raise ValueError(f"'{name}' {problem}. Pass one of: {names}.")

    def edges_at(self, call: Call) -> list[Edge]:
        """The edges through which a call reads its channels: one per axis that it mixes."""
        return self._edges_at.get(id(call), [])

    def axes_of(self, weight: keras.Variable) -> dict[int, Axis]:
        """The axes of a weight along which channels lie; those that mix them are `Edge`s."""
        return dict(self._axes.get(id(weight), {}))

    def axes_along(self, tensor: keras.KerasTensor) -> dict[int, Axis]:
        """The axes of a tensor of the graph along which channels lie."""
        if id(tensor) not in self._along:
            labels = self._reader.labels(tensor)
            self._along[id(tensor)] = {axis: self._resolve(ids) for axis, ids in labels.items()}
        return self._along[id(tensor)]

    def sizes_of(self, op: keras.Operation, keep: dict) -> dict[str, Any]:
        """Constructor arguments of a layer or operation that count channels, for fewer channels.

        Args:
            op: The layer or operation.
            keep: Boolean vectors by name of group.
        """
        return self._reader.arguments.of_operation(op, self._kept(keep))

    def arguments_of(self, call: Call, args: tuple, kwargs: dict, keep: dict) -> tuple[tuple, dict]:
        """The arguments with which a call is made again on fewer channels.

        Args:
            call: The call.
            args: Its positional arguments, new tensors in the places of old ones.
            kwargs: Its keyword arguments, likewise.
            keep: Boolean vectors by name of group.
        """
        return self._reader.arguments.of_call(call, args, kwargs, self._kept(keep))

    def _use(self, call: Call, shape: list[Size]) -> Use:
        axes = [self._resolve(ids) for ids in shape if isinstance(ids, np.ndarray)]
        return Use(call, [size for size in shape if not isinstance(size, np.ndarray)], axes)

    def _kept(self, keep: dict[str, np.ndarray]) -> Kept:
        return lambda ids: self._resolve(ids).kept(keep)


def channel_groups(model: keras.Model) -> list[ChannelGroup]:
    """The channel groups of a model: which channels can be removed, and what goes with them.

    Args:
        model: A built Functional or Sequential model.

    Returns:
        The groups, in the order of the graph. Each prints itself.

    Raises:
        ValueError: If the model is not built, or is a subclassed model.

    Example:

    >>> model = keras.Sequential([
    ...     keras.Input((4,)),
    ...     keras.layers.Dense(3, activation="relu", name="hidden"),
    ...     keras.layers.Dense(2, name="head"),
    ... ])
    >>> for group in channel_groups(model):
    ...     print(group)
    hidden: 3 channels
      made by hidden
      read by head
      prunable
    head: 2 channels
      made by head
      not prunable: its channels are the model's output
    hidden/inputs: 4 channels
      are the inputs of hidden
      prunable
    """
    return ChannelGraph(model).groups
