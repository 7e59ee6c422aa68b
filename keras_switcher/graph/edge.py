"""Edges: the input axes of kernels, where factors act and channels are dropped."""

from collections.abc import Collection, Iterable, Sequence
from functools import reduce
from operator import mul
from types import ModuleType
from typing import Protocol

import keras
import numpy as np
from keras import ops

from keras_switcher.graph.axis import Axis, GroupProtocol
from keras_switcher.graph.call import Call
from keras_switcher.tensors import Tensor


class ConnectionsProtocol(Protocol):
    """The part of a `ConnectionGroup` that edges need: its module builds on this one."""

    name: str
    edges: list

    @property
    def shape(self) -> tuple[int, int]: ...


class Edge(Axis):
    """The input axis of a kernel that mixes channels; factors act here.

    Args:
        axis: The channels that lie along it.
        call: The `Call` that reads the tensor.
        kernel: The weight (a `keras.Variable`) that mixes the channels.
        kernel_axis: The axis of `kernel` along which they lie.
        tensor_axis: The axis of the call's input along which they lie.
        input_group: The group of the input positions themselves, if the edge has one.

    Attributes:
        connections: The `ConnectionGroup` of the kernel's entries, if it is a Dense layer's.
    """

    def __init__(
        self,
        axis: Axis,
        call: Call,
        kernel: keras.Variable,
        kernel_axis: int,
        tensor_axis: int,
        input_group: GroupProtocol | None = None,
    ) -> None:
        super().__init__(axis.groups, axis.index)
        self.call = call
        self.kernel = kernel
        self.kernel_axis = kernel_axis
        self.tensor_axis = tensor_axis
        self.input_group = input_group
        self.connections: ConnectionsProtocol | None = None

    def gather(
        self, vectors: dict[str, Tensor], xp: ModuleType = ops, channels: Tensor | None = None
    ) -> Tensor | None:
        """Gathers as `Axis.gather`, times the vector of the edge's own input group.

        Args:
            vectors: See `Axis.gather`.
            xp: See `Axis.gather`.
            channels: What `gather_channels` returns, where it is known.
        """
        channels = self.gather_channels(vectors, xp) if channels is None else channels
        own = vectors.get(self.input_group.name) if self.input_group else None
        if channels is None or own is None:
            return own if channels is None else channels
        return channels * own

    def factors_shape(self, names: Collection[str]) -> tuple[int, ...]:
        """The shape of what `scales` returns when the groups of these names have factors."""
        if self.connections and self.connections.name in names:
            return self.connections.shape
        return (self.size,)

    def scales(
        self, factors: dict[str, Tensor], xp: ModuleType = ops, channels: Tensor | None = None
    ) -> Tensor | None:
        """The factors of the edge's kernel: per input, or per connection.

        Args:
            factors: Maps names of groups to vectors, and of connection groups to matrices.
            xp: See `gather`.
            channels: See `gather`.

        Returns:
            A vector with an entry per input, a matrix with one per connection, or None.
        """
        vector, matrix = self.gather(factors, xp, channels), self.of_connections(factors)
        if vector is None or matrix is None:
            return vector if matrix is None else matrix
        return vector[:, None] * matrix

    def of_connections(self, factors: dict[str, Tensor]) -> Tensor | None:
        """The matrix of the edge's connections among factors by name, or None."""
        return factors.get(self.connections.name) if self.connections else None

    def gather_channels(self, vectors: dict[str, Tensor], xp: ModuleType = ops) -> Tensor | None:
        """Gathers without the input group: the factors of what arrives at the edge."""
        return super().gather(vectors, xp)

    def scaled_kernel(self, factors: dict[str, np.ndarray]) -> Tensor:
        """The kernel times its factors, see `scales`.

        Args:
            factors: Maps names of groups to vectors, and of connection groups to matrices.
        """
        return scaled_kernels([self], factors)[0][1]


def scaled_kernels(
    edges: Iterable[Edge], factors: dict[str, np.ndarray]
) -> list[tuple[keras.Variable, Tensor]]:
    """Pairs of a kernel and its value times the factors of its edges, see `Edge.scales`.

    Args:
        edges: The edges. Those along one axis of a kernel, of several calls, have the same factors.
        factors: Maps names of groups to vectors, and of connection groups to matrices.
    """
    found: dict[int, tuple[keras.Variable, Tensor]] = {}
    for edge in {(id(edge.kernel), edge.kernel_axis): edge for edge in edges}.values():
        _, value = found.get(id(edge.kernel), (None, edge.kernel))
        scales = edge.scales(factors, np)
        value = value if scales is None else scaled(value, scales, edge.kernel_axis)
        found[id(edge.kernel)] = edge.kernel, ops.convert_to_tensor(value)
    return list(found.values())


def scaled(
    kernel: keras.Variable | Tensor,
    factors: Tensor | Sequence[Tensor],
    axis: int | Sequence[int] = -2,
    straight_through: bool = False,
) -> Tensor:
    """A kernel times factors per input channel, or per entry of its last two axes.

    Args:
        kernel: The kernel.
        factors: Factors of shape `(inputs,)`, or `(inputs, outputs)`; for several axes a vector
            for each of them.
        axis: The axis of the kernel along which the inputs lie, or several of them.
        straight_through: Whether the kernel has the gradient that it would have if all factors
            were one, so that what is switched off goes on learning. That on the factors is as ever.
    """
    rank = len(kernel.shape)
    if isinstance(axis, int):
        factors, axis = [factors], [axis]
    factors = [ops.cast(each, kernel.dtype) for each in factors]
    factors = reduce(mul, (_along(*each, rank) for each in zip(factors, axis, strict=True)))
    kernel = ops.convert_to_tensor(kernel)
    if not straight_through:
        return kernel * factors
    constant = ops.stop_gradient(kernel)
    return constant * factors + (kernel - constant)


def _along(factors: Tensor, axis: int, rank: int) -> Tensor:
    """A vector in the shape to multiply along an axis; a matrix as it is."""
    if len(factors.shape) > 1:
        return factors
    shape = [1] * rank
    shape[axis] = -1
    return ops.reshape(factors, shape)
