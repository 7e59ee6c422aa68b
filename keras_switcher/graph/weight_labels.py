"""Weight labels: the number of the channel at each position of weights' axes."""

from collections import defaultdict
from dataclasses import dataclass

import keras
import numpy as np

from keras_switcher.graph.call import Call


@dataclass(eq=False)
class UnresolvedProducer:
    """A kernel that makes channels: `ids` along its `axis`. A `Producer` before it is grouped."""

    name: str
    call: Call
    kernel: keras.Variable
    axis: int
    ids: np.ndarray


@dataclass(eq=False)
class UnresolvedEdge:
    """A kernel that mixes channels: `ids` along `kernel_axis`. An `Edge` before it is grouped."""

    call: Call
    kernel: keras.Variable
    kernel_axis: int
    tensor_axis: int
    ids: np.ndarray


class WeightLabels:
    """Numbers of channels, `ids`, along axes of weights, and the kernels that make or mix them.

    Attributes:
        count: How many channels have a number.
        along: The ids along the axis of a weight, by the weight's `id` and the axis.
        producers: The kernels that make channels.
        edges: The kernels that mix them.
        vectors: Triples `(role, weight, ids)` of scales and shifts, by the weight's `id`.
        known: The variables that have labels, by the `id` of each operation that holds them.
    """

    def __init__(self) -> None:
        self.count = 0
        self.along: dict[tuple[int, int], np.ndarray] = {}
        self.producers: list[UnresolvedProducer] = []
        self.edges: list[UnresolvedEdge] = []
        self.vectors: dict[int, tuple[str, keras.Variable, np.ndarray]] = {}
        self.known: dict[int, list[keras.Variable]] = defaultdict(list)

    def carry(
        self,
        call: Call,
        weight: keras.Variable,
        axis: int,
        ids: np.ndarray,
        role: str | None = None,
    ) -> np.ndarray:
        """Writes ids along an axis of a weight; returns those that it has had there before.

        Args:
            call: The call that uses the weight.
            weight: The weight.
            axis: The axis.
            ids: The ids.
            role: See `Reader.carry`.
        """
        if role and id(weight) not in self.vectors:
            self.vectors[id(weight)] = (role, weight, ids)
        self.known[id(call.op)].append(weight)
        return self.along.setdefault((id(weight), axis % len(weight.shape)), ids)

    def consume(
        self,
        call: Call,
        kernel: keras.Variable,
        kernel_axis: int,
        tensor_axis: int,
        ids: np.ndarray,
    ) -> np.ndarray:
        """Adds an edge; returns as `carry`. The arguments are those of `Reader.consume`."""
        kernel_axis = kernel_axis % len(kernel.shape)
        tensor_axis = tensor_axis % len(call.input.shape)
        self.edges.append(UnresolvedEdge(call, kernel, kernel_axis, tensor_axis, ids))
        return self.carry(call, kernel, kernel_axis, ids)

    def produce(
        self, call: Call, kernel: keras.Variable, axis: int, part: str | None = None
    ) -> np.ndarray:
        """The ids along the axis of a kernel that makes channels: new ones in its first call."""
        axis = axis % len(kernel.shape)
        new = np.arange(self.count, self.count + kernel.shape[axis])
        ids = self.carry(call, kernel, axis, new)
        if ids is new:
            self.count += len(ids)
            name = f"{call.name}/{part}" if part else call.name
            self.producers.append(UnresolvedProducer(name, call, kernel, axis, ids))
        return ids
