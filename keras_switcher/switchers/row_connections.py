"""The part of the row switcher that decides on single connections."""

import numpy as np
from keras import layers, ops

from keras_switcher.sums import row_sums, times, total
from keras_switcher.switchers.heads import as_factors
from keras_switcher.switchers.row_part import RowPart


class ConnectionFactors(RowPart):
    """A factor per connection, from its own weight, its row and its column; see `RowSwitcher`.

    Permuting the inputs or outputs of a kernel permutes its factors. The small networks see rows
    and columns; what is done per weight is a handful of additions and multiplications.
    """

    def build(self, records):
        self._contexts = np.stack([_describe(record) for record in records])
        self._lines = {
            "row": _Lines([record.shape[0] for record in records]),
            "column": _Lines([record.shape[1] for record in records]),
        }
        seen = 1 + self._contexts.shape[1]
        made_with = {"dtype": self.dtype_policy}
        self.embed = {}
        self.add = {}
        for side in self._lines:
            self.embed[side] = layers.Dense(self.units, "relu", name=f"embed_{side}", **made_with)
            self.embed[side].build((None, seen))
            self.add[side] = layers.Dense(1, use_bias=False, name=f"add_{side}", **made_with)
            self.add[side].build((None, self.units))
        self.level = layers.Dense(
            1, use_bias=False, kernel_initializer="zeros", name="level", **made_with
        )
        self.level.build((None, seen - 1))
        self.add_scale()

    def call(self, records):
        kernels = [
            ops.cast(ops.convert_to_tensor(record.kernel), self.compute_dtype) for record in records
        ]
        sizes = [ops.abs(kernel) for kernel in kernels]
        rows, columns = self._lines["row"], self._lines["column"]
        row_sizes = ops.concatenate([row_sums(matrix) / matrix.shape[1] for matrix in sizes])
        column_sizes = ops.concatenate([ops.mean(matrix, axis=0) for matrix in sizes])
        squares = ops.stack([total(ops.square(k)) / np.prod(k.shape) for k in kernels])
        # One value per kernel from here on; sizes are relative to its mean, which becomes 1.
        scale = 1 / (rows.means(row_sizes) + 1e-12)
        row_sizes = row_sizes * rows.spread(scale)
        column_sizes = column_sizes * columns.spread(scale)
        of_rows, of_columns = self._added("row", row_sizes), self._added("column", column_sizes)
        # The score of a connection is |weight| * scale + row + column. Its mean is 1, and its
        # variance is taken from rows and columns: every pass over all scores costs time.
        variance = squares * ops.square(scale) - 1
        variance += rows.means(of_rows * (of_rows + 2 * row_sizes))
        variance += columns.means(of_columns * (of_columns + 2 * column_sizes))
        slope = self.gamma * ops.rsqrt(variance + 1e-8)
        contexts = ops.cast(self._contexts, slope.dtype)
        shift = self.beta + self.level(contexts)[:, 0] - slope
        of_rows = rows.parts(of_rows * rows.spread(slope) + rows.spread(shift))
        of_columns = columns.parts(of_columns * columns.spread(slope))
        slope *= scale
        return [
            as_factors(times(matrix, slope[i]) + of_rows[i][:, None] + of_columns[i], self.ceiling)
            for i, matrix in enumerate(sizes)
        ]

    def _added(self, side, sizes):
        """What each row or column of each kernel adds to the scores of its connections."""
        lines = self._lines[side]
        contexts = ops.cast(np.repeat(self._contexts, lines.numbers, axis=0), sizes.dtype)
        seen = ops.concatenate([sizes[:, None] - 1, contexts], axis=1)
        added = self.add[side](self.embed[side](seen))[:, 0]
        return added - lines.spread(lines.means(added))


class _Lines:
    """The rows, or the columns, of all kernels, laid end to end.

    Args:
        numbers: How many each kernel has.
    """

    def __init__(self, numbers):
        self.numbers = numbers
        self._ends = np.cumsum(numbers)
        self._of = np.repeat(np.eye(len(numbers)), numbers, axis=0)

    def means(self, values):
        """The mean of each kernel."""
        return ops.matmul(values, ops.cast(self._of / self.numbers, values.dtype))

    def spread(self, values):
        """Gives each line what belongs to its kernel."""
        return ops.matmul(ops.cast(self._of, values.dtype), values)

    def parts(self, values):
        """A vector for each kernel."""
        return [values[e - n : e] for n, e in zip(self.numbers, self._ends, strict=True)]


def _describe(record):
    """What a kernel is, whatever its weights: constants of similar size for any network."""
    inputs, outputs = record.shape
    return np.array([record.depth, np.log1p(inputs) / 8, np.log1p(outputs) / 8, record.share])
