"""RowSwitcher's network for connection factors."""

import numpy as np
from keras import layers, ops

from keras_switcher.reductions import Segments, column_sums, row_sums, times, total
from keras_switcher.switchers.heads import as_factors
from keras_switcher.switchers.records import ConnectionRecord
from keras_switcher.switchers.row_part import RowPart
from keras_switcher.tensors import Tensor


class ConnectionFactors(RowPart):
    """A factor per connection, from its own weight, its row and its column; see `RowSwitcher`.

    Permuting the inputs or outputs of a kernel permutes its factors. One small network reads means
    of rows and columns; each weight takes but a few additions and multiplications.
    """

    def build(self, records: list[ConnectionRecord]) -> None:
        # The rows of all kernels, then their columns, laid end to end.
        numbers = np.transpose([record.shape for record in records]).ravel()
        sides = np.repeat(np.arange(len(numbers)), numbers)
        self._ends = np.cumsum(numbers)[:-1]
        self._sides = Segments(sides, len(numbers))
        self._kernels = Segments(sides % len(records), len(records))
        self._contexts = np.stack([_describe(record) for record in records])
        is_row = np.repeat([[1.0], [0.0]], len(records), axis=0)
        self._side_contexts = np.concatenate([np.tile(self._contexts, (2, 1)), is_row], axis=1)
        made_with = {"dtype": self.dtype_policy}
        self.embed = layers.Dense(self.units, name="embed", **made_with)
        self.embed.build((None, 1 + self._side_contexts.shape[1]))
        self.add = layers.Dense(1, use_bias=False, name="add", **made_with)
        self.add.build((None, self.units))
        self.level = layers.Dense(
            1, use_bias=False, kernel_initializer="zeros", name="level", **made_with
        )
        self.level.build(self._contexts.shape)
        self.add_scale()

    def call(self, records: list[ConnectionRecord], added_spread: Tensor = 0.0) -> list[Tensor]:
        kernels = [
            ops.cast(ops.convert_to_tensor(record.kernel), self.compute_dtype) for record in records
        ]
        sizes = [ops.abs(kernel) for kernel in kernels]
        row_sizes = [row_sums(matrix) / matrix.shape[1] for matrix in sizes]
        column_sizes = [column_sums(matrix) / matrix.shape[0] for matrix in sizes]
        squares = ops.stack([total(ops.square(k)) / np.prod(k.shape) for k in kernels])
        seen = ops.concatenate(row_sizes + column_sizes)
        # Sizes are relative to the kernel's mean, which becomes 1; 0 stays 0.
        mean = self._sides.means(seen)[: len(kernels)]
        scale = 1 / (mean + 1e-12)
        mean = mean * scale
        seen = seen * self._kernels.to_members(scale)
        added = self._added(seen)
        # The score of a connection is |weight| * scale + row + column. Its mean and variance are
        # taken from rows and columns: every pass over all scores costs time.
        variance = squares * ops.square(scale) - ops.square(mean)
        of_sides = self._sides.means(added * (added + 2 * seen))
        variance = variance + ops.sum(ops.reshape(of_sides, (2, -1)), axis=0)
        # Where all sizes are equal, rounding may leave a variance below zero.
        slope = (self.gamma + added_spread) * ops.rsqrt(ops.maximum(variance, 0) + 1e-8)
        level = self.level(ops.cast(self._contexts, slope.dtype))[:, 0]
        shift = self.beta + level - slope * mean
        added = added * self._kernels.to_members(slope) + self._kernels.to_members(shift / 2)
        added = ops.split(added, self._ends)
        rows, columns = added[: len(kernels)], added[len(kernels) :]
        slope = slope * scale  # Not in place: PyTorch still needs the slope before.
        return [
            as_factors(times(matrix, slope[i]) + rows[i][:, None] + columns[i], self.ceiling)
            for i, matrix in enumerate(sizes)
        ]

    def _added(self, sizes: Tensor) -> Tensor:
        """The number that each row and each column of a kernel adds to its connections' scores."""
        # A layer that reads size and context. Contexts are few, while a product of thousands of
        # rows with a matrix of six would take XLA a tenth of all that a switcher adds to a step.
        kernel, bias = self.embed.kernel, self.embed.bias
        of_contexts = ops.matmul(ops.cast(self._side_contexts, sizes.dtype), kernel[1:]) + bias
        hidden = ops.relu((sizes - 1)[:, None] * kernel[0] + self._sides.to_members(of_contexts))
        added = self.add(hidden)[:, 0]
        return added - self._sides.to_members(self._sides.means(added))


def _describe(record: ConnectionRecord) -> np.ndarray:
    """Features of a kernel that do not change with its weights, of similar size for any network."""
    inputs, outputs = record.shape
    return np.array([record.depth, np.log1p(inputs) / 8, np.log1p(outputs) / 8, record.share])
