"""How much of a model is left, by the counting rule of the field."""

from collections.abc import Iterable

import numpy as np
from keras import ops

from keras_switcher.graph.anatomy import Anatomy
from keras_switcher.graph.axis import Edge
from keras_switcher.graph.flat import FlatLayout
from keras_switcher.held import held


class KeptShare:
    """The share of a model's weights or MACs that is left.

    A kernel with a kept inputs and b kept outputs keeps a * b of its weights; biases and
    normalisation do not count. Differentiable.

    Args:
        anatomy: The model's `Anatomy`.
        names: Names of the groups about which it will be told what is alive.
    """

    def __init__(self, anatomy: Anatomy, names: Iterable[str]):
        self._kernels = anatomy.kernels
        self._layout = FlatLayout(map(anatomy.group, names))
        indices = [self._index(axis) for kernel in self._kernels for axis in kernel.axes.values()]
        self._lengths = np.array([len(index) for index in indices], "float32")
        if indices:
            self._channels = held(np.concatenate(indices))
            self._axes = held(np.repeat(np.arange(len(indices)), [len(i) for i in indices]))
        # Which axes each kernel has: a one behind their shares stands for those it lacks.
        numbers = iter(range(len(indices)))
        table = [[next(numbers) for _ in kernel.axes] for kernel in self._kernels]
        most = max(map(len, table), default=0)
        self._columns = [
            held([row[column] if column < len(row) else len(indices) for row in table])
            for column in range(most)
        ]
        self._sides = {
            kernel.connections: list(self._known_sides(kernel))
            for kernel in self._kernels
            if kernel.connections
        }

    def __call__(self, live: dict, of: str = "weights", connected: dict | None = None):
        """A scalar from 0 to 1.

        Args:
            live: Maps the names to vectors, 1 for the channels that are alive and 0 for others,
                as `alive` returns them.
            of: `"weights"` or `"macs"`.
            connected: Maps names of connection groups to matrices, 1 for the connections that are
                left and 0 for others. Only these of a kernel count.
        """
        connected = connected or {}
        values = self._layout.join(live)
        shares = ops.append(self._live_shares(values), ops.ones(1, values.dtype))
        left = 1.0
        for column in self._columns:
            left = left * ops.take(shares, column, axis=0)
        costs = np.array([kernel.cost(of) for kernel in self._kernels], "float64")
        costs /= costs.sum()
        total = 0.0
        for number, kernel in enumerate(self._kernels):
            matrix = connected.get(kernel.connections)
            if matrix is not None:
                total += costs[number] * self._left_of(matrix, kernel, values)
                costs[number] = 0
        return total + ops.sum(left * ops.cast(costs, shares.dtype))

    def _live_shares(self, values):
        """The mean along each axis, as one vector."""
        if not len(self._lengths):
            return ops.zeros(0, values.dtype)
        found = ops.take(values, self._channels, axis=0)
        sums = ops.segment_sum(found, self._axes, num_segments=len(self._lengths))
        return sums / ops.cast(self._lengths, values.dtype)

    def _left_of(self, matrix, kernel, values):
        """The share of a kernel's connections that is left between what is alive on both sides."""
        sides = [ops.ones(size, matrix.dtype) for size in matrix.shape]
        for number, index in self._sides[kernel.connections]:
            sides[number] = ops.take(values, index, axis=0)
        inputs, outputs = sides
        return ops.matmul(inputs, ops.matmul(matrix, outputs)) / np.prod(matrix.shape)

    def _known_sides(self, kernel):
        for number, axis in kernel.axes.items():
            index = self._index(axis)
            if (index != self._layout.one).any():
                yield number, held(index)

    def _index(self, axis):
        # Input positions know already which channels are gone: counted twice, gradients double.
        own = self._layout.own_index(axis) if isinstance(axis, Edge) else None
        return self._layout.index(axis) if own is None else own
