"""Channel groups: channels that are removed together across layers; and connection groups."""

from dataclasses import dataclass, field

import keras
import numpy as np

from keras_switcher.graph.edge import Edge


@dataclass(eq=False)
class Producer:
    """A kernel whose output axis makes channels of a group.

    Args:
        name: Name of the call that uses the kernel.
        layer: The layer.
        kernel: The weight.
        axis: The axis of `kernel` along which the channels lie.
        entries: Positions along that axis that belong to the group.
        channels: The group's channel at each of these positions.
    """

    name: str
    layer: keras.layers.Layer
    kernel: keras.Variable
    axis: int
    entries: np.ndarray
    channels: np.ndarray


@dataclass(eq=False)
class ChannelGroup:
    """Coupled channels: a set of channels, across layers, that are removed together.

    Coupling and dependency groups: DepGraph (Fang et al. 2023, arXiv 2301.12900). A group prints
    itself.

    Args:
        name: Name of its first producing layer; `"<layer>/heads"` for the heads of a layer that
            makes several of them, `"<layer>/inputs"` for the input positions of a Dense layer.
        size: Number of channels.
        producers: The kernels that make the channels; none for an input group.
        consumers: The edges: the input axes of the kernels that mix them.
        reason: Why the group cannot be pruned, in words; None if it can.
        depth: Where the group lies in its model, from 0 (input) to 1 (output).
        is_normalized: Whether some of the channels go through a normalisation.

    Example:

    >>> inputs = keras.Input((4,))
    >>> x = keras.layers.Dense(3, name="stem")(inputs)
    >>> x = keras.layers.Add()([x, keras.layers.Dense(3, name="branch")(x)])
    >>> from keras_switcher import channel_groups
    >>> group = channel_groups(keras.Model(inputs, keras.layers.Dense(2, name="head")(x)))[0]
    >>> group
    stem: 3 channels
      made by stem
      made by branch
      read by branch
      read by head
      prunable
    >>> group.layer_names, group.shape
    (['stem', 'branch'], (3,))
    """

    name: str
    size: int
    producers: list[Producer] = field(default_factory=list)
    consumers: list[Edge] = field(default_factory=list)
    reason: str | None = None
    depth: float = 0.0
    is_normalized: bool = False

    @property
    def shape(self) -> tuple[int]:
        """The shape of its factors: one per channel."""
        return (self.size,)

    @property
    def prunable(self) -> bool:
        """Whether channels of the group can be removed exactly."""
        return self.reason is None

    @property
    def is_input(self) -> bool:
        """Whether the group is the input positions of a Dense layer."""
        return not self.producers

    @property
    def layer_names(self) -> list[str]:
        """Names of the layers that produce the channels, or that read them for an input group."""
        if self.is_input:
            return [edge.call.op.name for edge in self.consumers]
        return [producer.layer.name for producer in self.producers]

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.size} channels"]
        lines += [f"  made by {producer.name}" for producer in self.producers]
        for edge in self.consumers:
            if self.is_input:
                lines.append(f"  are the inputs of {edge.call.name}")
                continue
            count = len(edge.entries_of(self)[0]) // self.size
            lines.append(f"  read by {edge.call.name}" + (f", {count} each" * (count > 1)))
        lines.append("  prunable" if self.prunable else f"  not prunable: {self.reason}")
        return "\n".join(lines)

    __repr__ = __str__


@dataclass(eq=False)
class ConnectionGroup:
    """The connections of one Dense kernel, each with a factor (arXiv 2103.15590). It prints itself.

    Args:
        name: `"<layer>/connections"`.
        layer: The layer.
        edges: The edges that read through its kernel: one for each of its calls.
        depth: Where it lies in its model, from 0 (input) to 1 (output).
        tied: Why the kernel must stay whole, in words, if other operations read variables of the
            layer; see `TiedWeights`.

    Example:

    >>> from keras_switcher.graph.channel_graph import ChannelGraph
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="head")])
    >>> ChannelGraph(model).connections
    [head/connections: 4 x 2 connections
      prunable]
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

    def __str__(self) -> str:
        inputs, outputs = self.shape
        state = "prunable" if self.prunable else f"not prunable: {self.reason}"
        return f"{self.name}: {inputs} x {outputs} connections\n  {state}"

    __repr__ = __str__


def split_factors(factors: dict) -> tuple[dict, dict]:
    """Splits factors by name into those of channels (vectors) and of connections (matrices)."""
    channels = {name: factor for name, factor in factors.items() if len(factor.shape) == 1}
    return channels, {n: factor for n, factor in factors.items() if n not in channels}
