"""The part of the row switcher that decides on single connections."""

import numpy as np
from keras import layers, ops

from keras_switcher.switchers.heads import as_factors
from keras_switcher.switchers.row_part import RowPart


class ConnectionFactors(RowPart):
    """A factor per connection, from its own weight, its row and its column; see `RowSwitcher`.

    Permuting the inputs or outputs of a kernel permutes its factors. The small networks see rows
    and columns; what is done per weight is a handful of additions and multiplications.
    """

    def build(self, records):
        self._contexts = [_describe(record) for record in records]
        seen = 1 + len(self._contexts[0])
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
        return [self._factors(*each) for each in zip(records, self._contexts, strict=True)]

    def _factors(self, record, context):
        kernel = ops.cast(ops.convert_to_tensor(record.kernel), self.compute_dtype)
        sizes, squares = ops.abs(kernel), ops.square(kernel)
        row_squares, column_squares = ops.mean(squares, axis=1), ops.mean(squares, axis=0)
        scale = ops.rsqrt(ops.mean(row_squares) + 1e-12)
        context = ops.cast(context[None], kernel.dtype)
        rows = _centred(self._side("row", row_squares, scale, context))
        columns = _centred(self._side("column", column_squares, scale, context))
        # The score of a connection is |weight| * scale + row + column. Its mean and variance are
        # taken from rows and columns: every pass over all scores costs as much as a whole layer.
        row_sizes, column_sizes = (ops.mean(sizes, axis) * scale for axis in (1, 0))
        mean = ops.mean(row_sizes)
        variance = ops.mean(row_squares) * ops.square(scale) - ops.square(mean)
        variance += ops.mean(rows * (rows + 2 * row_sizes))
        variance += ops.mean(columns * (columns + 2 * column_sizes))
        slope = self.gamma * ops.rsqrt(variance + 1e-8)
        shift = self.beta + self.level(context)[0, 0] - slope * mean
        values = slope * scale * sizes + (slope * rows + shift)[:, None] + slope * columns
        return as_factors(values, self.ceiling)

    def _side(self, side, squares, scale, context):
        """What each row or column adds to the scores of its connections."""
        seen = ops.sqrt(squares + 1e-12)[:, None] * scale - 1
        described = ops.repeat(context, seen.shape[0], axis=0)
        return self.add[side](self.embed[side](ops.concatenate([seen, described], axis=1)))[:, 0]


def _centred(values):
    return values - ops.mean(values)


def _describe(record):
    """What a kernel is, whatever its weights: constants of similar size for any network."""
    inputs, outputs = record.shape
    return np.array([record.depth, np.log1p(inputs) / 8, np.log1p(outputs) / 8, record.share])
