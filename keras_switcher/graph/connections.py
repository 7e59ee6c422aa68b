"""Connections: the single weights of a Dense kernel, where each has a factor of its own."""

from dataclasses import dataclass

import keras

from keras_switcher.graph.axis import Edge
from keras_switcher.graph.call import Call


@dataclass(eq=False)
class ConnectionGroup:
    """The connections of one Dense kernel (arXiv 2103.15590). It prints itself.

    Args:
        name: `"<layer>/connections"`.
        layer: The layer.
        edges: The edges that read through its kernel: one for each of its calls.
        depth: Where it lies in its model, from 0 (input) to 1 (output).
        tied: Why the kernel must stay whole, in words, if other operations read variables of the
            layer; see `Ownership`.
    """

    name: str
    layer: keras.layers.Dense
    edges: list[Edge]
    depth: float = 0.0
    tied: str | None = None

    @property
    def reason(self) -> str | None:
        """Why its connections cannot have factors, in words; None if they can."""
        if self.tied:
            return self.tied
        return None if self.edges else "its kernel is quantized or has LoRA weights"

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of inputs and outputs."""
        return tuple(self.layer.kernel.shape)

    @property
    def size(self) -> int:
        """Number of connections."""
        return self.shape[0] * self.shape[1]

    @property
    def prunable(self) -> bool:
        """Whether connections can be cut."""
        return self.reason is None

    @property
    def layer_names(self) -> list[str]:
        """The name of the layer, as in `ChannelGroup`."""
        return [self.layer.name]

    def __str__(self):
        inputs, outputs = self.shape
        state = "prunable" if self.prunable else f"not prunable: {self.reason}"
        return f"{self.name}: {inputs} x {outputs} connections\n  {state}"

    __repr__ = __str__


def connection_groups(
    calls: list[Call], edges: list[Edge], tied: dict[int, str]
) -> list[ConnectionGroup]:
    """The connections of every Dense layer of a graph, in its order.

    Args:
        calls: The calls of the graph.
        edges: All edges. Those of Dense layers get their `connections`.
        tied: Reasons by `id` of the layers that share variables with others.
    """
    groups = {}
    for place, call in enumerate(calls):
        if type(call.op) is keras.layers.Dense and id(call.op) not in groups:
            name = f"{call.name}/connections"
            depth = place / len(calls)
            groups[id(call.op)] = ConnectionGroup(name, call.op, [], depth, tied.get(id(call.op)))
    for edge in edges:
        if group := groups.get(id(edge.call.op)):
            group.edges.append(edge)
            edge.connections = group
    return list(groups.values())
