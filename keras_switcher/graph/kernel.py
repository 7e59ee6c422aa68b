"""A weight that counts as weights and MACs."""

import numpy as np

from keras_switcher.graph.axis import Edge


class Kernel:
    """A weight that is counted: `Params (%)` and MACs are sums over kernels.

    Args:
        name: Name of the call that uses it first.
        weight: The weight.
        axes: The axes along which channels lie, see `Anatomy.axes_of`.
        positions: How often each weight is used per sample, or None if the model does not say.
    """

    def __init__(self, name, weight, axes, positions):
        self.name = name
        self.weight = weight
        self.axes = axes
        self.positions = positions

    def cost(self, of: str) -> int:
        """Its `"weights"`, or its `"macs"` per sample.

        Raises:
            ValueError: If MACs are asked for, and the input size is open or no rule counts them.
        """
        size = 1
        for length in self.weight.shape:
            size *= length
        if of == "weights":
            return size
        if self.positions is None:
            raise ValueError(
                f"The MACs of '{self.name}' are not known. If the size of the model's input is "
                "open (None), build it with a fixed keras.Input(shape); if the layer's type has no "
                "rule, register one (see keras_switcher.graph.rules)."
            )
        return size * self.positions

    @property
    def connections(self) -> str | None:
        """The name of the `ConnectionGroup` of its entries, if it is a Dense layer's."""
        edges = (axis for axis in self.axes.values() if isinstance(axis, Edge))
        return next((edge.connections.name for edge in edges if edge.connections), None)

    def between(self, matrix: np.ndarray, keep: dict) -> np.ndarray:
        """A matrix of connections with zeros where an input or output is not kept.

        Args:
            matrix: An entry per connection.
            keep: Boolean vectors by name of group.
        """
        for number, axis in self.axes.items():
            kept = axis.gather(keep, np)
            if kept is not None:
                matrix = matrix * (kept[:, None] if number == 0 else kept)
        return matrix
