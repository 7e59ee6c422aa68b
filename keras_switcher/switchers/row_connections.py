"""The part of the row switcher that decides on single connections."""

import numpy as np
from keras import layers, ops

from keras_switcher.sums import column_sums, row_sums, times, total
from keras_switcher.switchers.heads import as_factors
from keras_switcher.switchers.row_part import RowPart


class ConnectionFactors(RowPart):
    """A factor per connection, from its own weight, its row and its column; see `RowSwitcher`.

    Permuting the inputs or outputs of a kernel permutes its factors. One small network sees
    rows and columns; what is done per weight is a handful of additions and multiplications.
    """

    def build(self, records):
        self._contexts = np.stack([_describe(record) for record in records])
        self._lines = _Lines([record.shape for record in records])
        is_row = np.repeat([[1.0], [0.0]], len(records), axis=0)
        contexts = np.concatenate([np.tile(self._contexts, (2, 1)), is_row], axis=1)
        self._line_contexts = np.repeat(contexts, self._lines.numbers, axis=0)
        made_with = {"dtype": self.dtype_policy}
        self.embed = layers.Dense(self.units, "relu", name="embed", **made_with)
        self.embed.build((None, 1 + contexts.shape[1]))
        self.add = layers.Dense(1, use_bias=False, name="add", **made_with)
        self.add.build((None, self.units))
        self.level = layers.Dense(
            1, use_bias=False, kernel_initializer="zeros", name="level", **made_with
        )
        self.level.build(self._contexts.shape)
        self.add_scale()

    def call(self, records):
        kernels = [
            ops.cast(ops.convert_to_tensor(record.kernel), self.compute_dtype) for record in records
        ]
        sizes = [ops.abs(kernel) for kernel in kernels]
        row_sizes = [row_sums(matrix) / matrix.shape[1] for matrix in sizes]
        column_sizes = [column_sums(matrix) / matrix.shape[0] for matrix in sizes]
        squares = ops.stack([total(ops.square(k)) / np.prod(k.shape) for k in kernels])
        lines = self._lines
        seen = ops.concatenate(row_sizes + column_sizes)
        # Sizes are relative to the kernel's mean, which becomes 1; 0 stays 0.
        mean = lines.means(seen)[0]
        scale = 1 / (mean + 1e-12)
        mean = mean * scale
        seen = seen * lines.spread(scale)
        added = self._added(seen)
        # The score of a connection is |weight| * scale + row + column. Its mean and variance are
        # taken from rows and columns: every pass over all scores costs time.
        variance = squares * ops.square(scale) - ops.square(mean)
        variance += ops.sum(lines.means(added * (added + 2 * seen)), axis=0)
        # Where all sizes are equal, rounding may leave a variance below zero.
        slope = self.gamma * ops.rsqrt(ops.maximum(variance, 0) + 1e-8)
        level = self.level(ops.cast(self._contexts, slope.dtype))[:, 0]
        shift = self.beta + level - slope * mean
        added = added * lines.spread(slope) + lines.spread(shift / 2)
        of_rows, of_columns = lines.parts(added)
        slope *= scale
        return [
            as_factors(times(matrix, slope[i]) + of_rows[i][:, None] + of_columns[i], self.ceiling)
            for i, matrix in enumerate(sizes)
        ]

    def _added(self, sizes):
        """What each row and each column of each kernel adds to the scores of its connections."""
        contexts = ops.cast(self._line_contexts, sizes.dtype)
        added = self.add(self.embed(ops.concatenate([sizes[:, None] - 1, contexts], axis=1)))[:, 0]
        return added - self._lines.spread(self._lines.means(added))


class _Lines:
    """The rows of all kernels, then their columns, laid end to end.

    Args:
        shapes: The shapes of the kernels.
    """

    def __init__(self, shapes):
        self.numbers = np.transpose(shapes).ravel()
        self._ends = np.cumsum(self.numbers)
        self._of = np.repeat(np.eye(len(self.numbers)), self.numbers, axis=0)
        self._shares = self._of / self.numbers

    def means(self, values):
        """The means over the rows of each kernel, and over its columns: shape `(2, kernels)`."""
        return ops.reshape(ops.matmul(values, ops.cast(self._shares, values.dtype)), (2, -1))

    def spread(self, values):
        """Gives each line what belongs to it, of values like these means, or one per kernel."""
        values = ops.reshape(ops.broadcast_to(values, (2, len(self.numbers) // 2)), (-1,))
        return ops.matmul(ops.cast(self._of, values.dtype), values)

    def parts(self, values):
        """For each kernel a vector of what its rows have, and for each one of its columns."""
        vectors = ops.split(values, self._ends[:-1])
        middle = len(vectors) // 2
        return vectors[:middle], vectors[middle:]


def _describe(record):
    """What a kernel is, whatever its weights: constants of similar size for any network."""
    inputs, outputs = record.shape
    return np.array([record.depth, np.log1p(inputs) / 8, np.log1p(outputs) / 8, record.share])
