"""The gated network: a task network whose kernels are scaled by factors."""

import re
from collections import defaultdict
from typing import Any

import keras
from keras import ops

from keras_switcher.gating.edge_factors import EdgeFactors
from keras_switcher.graph.attributes import attribute_with
from keras_switcher.graph.call import Call, OperationProxy
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.edge import Edge
from keras_switcher.graph.inputs import arranged
from keras_switcher.graph.names import Names
from keras_switcher.graph.selection import Choice, select_groups
from keras_switcher.layers.gated import Gated

# What the argument `connections` of a SwitcherModel means: what has factors.
GRANULARITY = {
    False: ("channels",),
    True: ("connections",),
    "both": ("channels", "connections"),
}


def granularity_of(connections: bool | str) -> tuple[str, ...]:
    """What has factors: `"channels"`, `"connections"` or both.

    Args:
        connections: False, True or `"both"`.

    Raises:
        ValueError: If it is none of them.
    """
    if not isinstance(connections, (bool, str)) or connections not in GRANULARITY:
        raise ValueError(
            f"`connections` must be one of {tuple(GRANULARITY)}. "
            f"Received: connections={connections!r}."
        )
    return GRANULARITY[connections]


class GatedNetwork:
    """A task network with a `Gated` layer on each edge from a chosen group to a kernel.

    Args:
        task: The task network. Its layers and weights are used as they are.
        groups: See `select_groups`.
        granularity: `("channels",)`, `("connections",)` or both: which of them have factors.
        straight_through: See `Gated`.

    Attributes:
        channel_graph: The task network's `ChannelGraph`.
        groups: The `ChannelGroup`s that have factors.
        connections: The `ConnectionGroup`s that have factors.
        edges: The gated edges.
        network: The Functional model of these layers and gates, called as
            `network([inputs, factors])` with one vector or matrix of factors per gated edge.
    """

    def __init__(
        self,
        task: keras.Model,
        groups: Choice,
        granularity: tuple[str, ...] = ("channels",),
        straight_through: bool = False,
    ) -> None:
        self.channel_graph = ChannelGraph(task, every_dense_input=groups == "dense")
        self.groups, self.connections = select_groups(self.channel_graph, groups, granularity)
        self.network, self.edges = gated_network(self.channel_graph, self.names, straight_through)
        self.network.autocast = False  # Factors stay in float32 under mixed precision.
        self._edge_factors = EdgeFactors(self.edges, self.groups)

    @property
    def names(self) -> list[str]:
        """Names of all that has factors: channel groups, then connection groups."""
        return [group.name for group in self.groups + self.connections]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of all factors, by name of group."""
        return {group.name: group.shape for group in self.groups + self.connections}

    def ones(self) -> dict:
        """Factors that change nothing."""
        return {name: ops.ones(shape) for name, shape in self.shapes.items()}

    def run(self, inputs: Any, factors: dict, training: bool | None = None) -> Any:
        """Runs the gated network with these factors."""
        inputs = arranged(inputs, self.channel_graph.graph.inputs)
        # Eager steps may pass NumPy arrays, which a Functional model does not mix with tensors.
        inputs = keras.tree.map_structure(ops.convert_to_tensor, inputs, none_is_leaf=False)
        return self.network([inputs, self._edge_factors(factors)], training=training)


def gated_network(
    channel_graph: ChannelGraph, group_names: list[str], straight_through: bool = False
) -> tuple[keras.Model, list[Edge]]:
    """Rebuilds a model with a gate on every edge whose channels or connections are chosen.

    The layers, and so the weights, are the model's own.

    Args:
        channel_graph: The model's `ChannelGraph`.
        group_names: Names of the channel groups and connection groups that have factors.
        straight_through: See `Gated`.

    Returns:
        A pair: a Functional model called as `network([inputs, factors])`, and the list of the
        gated edges; `factors` is a list with one vector (or matrix) per gated edge.
    """
    edges = [e for e in channel_graph.edges if _names_at(e) & set(group_names)]
    inputs, names = channel_graph.graph.new_inputs(), Names(channel_graph.graph)
    factors = [
        keras.Input(
            batch_shape=edge.factors_shape(group_names),
            dtype=edge.kernel.dtype,
            name=names.new(f"factors_{i}"),
        )
        for i, edge in enumerate(edges)
    ]
    gates_at: dict[int, list[tuple[Edge, keras.KerasTensor]]] = defaultdict(list)
    for edge, factor in zip(edges, factors, strict=True):
        gates_at[id(edge.call)].append((edge, factor))

    proxies: dict[int, OperationProxy] = {}

    def visit(call: Call, args: tuple, kwargs: dict) -> Any:
        if id(call) not in gates_at:
            name = names.of(call.op)
            # Of an EinsumDense, only a proxy tells all sizes.
            if name == call.op.name and type(call.op) is not keras.layers.EinsumDense:
                return call.op(*args, **kwargs)
            proxy = proxies.setdefault(id(call.op), OperationProxy(call.op, name))
            return proxy(*args, **kwargs)
        gated = [edge for edge, _ in gates_at[id(call)]]
        weight = attribute_with(call.op, gated[0].kernel)
        if weight is None:
            raise ValueError(
                f"The kernel that mixes channels in '{call.name}' is not an attribute of that "
                "layer, so no gate can scale it. Write its rule for the layer that holds the "
                "kernel, or leave its groups out (`groups`)."
            )
        name = names.new(f"gated_{re.sub('[:/]', '_', call.name)}")
        several = len(gated) > 1
        axis = [edge.kernel_axis for edge in gated] if several else gated[0].kernel_axis
        factor = [each for _, each in gates_at[id(call)]]
        gate = Gated(call.op, weight, axis, straight_through, name=name)
        # Keras notes that there is no mask, of which a gate does not know.
        kwargs = {key: value for key, value in kwargs.items() if value is not None}
        return gate(*args, factors=factor if several else factor[0], **kwargs)

    outputs = channel_graph.graph.replay(inputs, visit)
    return keras.Model([inputs, factors], outputs, name=f"gated_{channel_graph.graph.name}"), edges


def _names_at(edge: Edge) -> set[str]:
    """Names of all groups whose factors scale the edge's kernel."""
    own = [other.name for other in (edge.input_group, edge.connections) if other]
    return {group.name for group in edge.groups} | set(own)
