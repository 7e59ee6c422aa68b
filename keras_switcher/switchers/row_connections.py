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
        seen = 1 + self._contexts.shape[1]
        made_with = {"dtype": self.dtype_policy}
        self.embed = {}
        self.add = {}
        for side in ("row", "column"):
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
        row_sizes = [row_sums(matrix) / matrix.shape[1] for matrix in sizes]
        column_sizes = [ops.mean(matrix, axis=0) for matrix in sizes]
        # Relative to the mean over the kernel, which is 1.
        scales = [1 / (ops.mean(means) + 1e-12) for means in row_sizes]
        row_sizes = [means * scale for means, scale in zip(row_sizes, scales, strict=True)]
        column_sizes = [means * scale for means, scale in zip(column_sizes, scales, strict=True)]
        rows, columns = self._side("row", row_sizes), self._side("column", column_sizes)
        levels = self.level(ops.cast(self._contexts, kernels[0].dtype))[:, 0]
        factors = []
        for i, kernel in enumerate(kernels):
            # The score of a connection is |weight| * scale + row + column. Its mean is 1, and its
            # variance is taken from rows and columns: every pass over all scores costs time.
            variance = total(ops.square(kernel)) / np.prod(kernel.shape) * ops.square(scales[i]) - 1
            variance += ops.mean(rows[i] * (rows[i] + 2 * row_sizes[i]))
            variance += ops.mean(columns[i] * (columns[i] + 2 * column_sizes[i]))
            slope = self.gamma * ops.rsqrt(variance + 1e-8)
            shift = self.beta + levels[i] - slope
            values = times(sizes[i], slope * scales[i])
            values += (slope * rows[i] + shift)[:, None] + slope * columns[i]
            factors.append(as_factors(values, self.ceiling))
        return factors

    def _side(self, side, sizes):
        """What each row or column of each kernel adds to the scores of its connections."""
        lengths = [vector.shape[0] for vector in sizes]
        described = ops.cast(np.repeat(self._contexts, lengths, axis=0), sizes[0].dtype)
        seen = ops.concatenate([ops.concatenate(sizes)[:, None] - 1, described], axis=1)
        added = self.add[side](self.embed[side](seen))[:, 0]
        parts = [added[end - n : end] for n, end in zip(lengths, np.cumsum(lengths), strict=True)]
        return [part - ops.mean(part) for part in parts]


def _describe(record):
    """What a kernel is, whatever its weights: constants of similar size for any network."""
    inputs, outputs = record.shape
    return np.array([record.depth, np.log1p(inputs) / 8, np.log1p(outputs) / 8, record.share])
