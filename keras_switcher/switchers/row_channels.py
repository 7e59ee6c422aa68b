"""RowSwitcher's network for channel factors."""

from math import prod

import numpy as np
from keras import layers, ops

from keras_switcher.reductions import Segments
from keras_switcher.switchers.features import Features
from keras_switcher.switchers.heads import as_factors, group_mean_at_start
from keras_switcher.switchers.records import (
    GroupRecord,
    KernelView,
    split_by_record,
    unique_weights,
)
from keras_switcher.switchers.row_part import RowPart
from keras_switcher.switchers.straight_through import straight_through
from keras_switcher.tensors import Tensor, as_constant

# Sources of a channel's features, one feature of each.
FEATURES = ("producers", "consumers", "scales", "shifts")


class ChannelFactors(RowPart):
    """A factor per channel, by one small network for all groups; see `RowSwitcher`.

    A group that is off as a whole keeps the gradient of its raw values, see `straight_through`.
    """

    def build(self, records: list[GroupRecord]) -> None:
        sizes = [record.size for record in records]
        beta = self.initial_beta
        self._lifted = as_constant([[group_mean_at_start(beta, size) - beta] for size in sizes])
        self._groups = Segments(np.repeat(np.arange(len(records)), sizes), len(records))
        shapes = {id(weight): tuple(weight.shape) for weight in unique_weights(records)}
        self._context = as_constant(np.stack([_describe(record, shapes) for record in records]))
        self._neighbours = as_constant(_neighbours(records))
        self._views = [Features(records, kind) for kind in FEATURES]
        self.embed = layers.Dense(self.units, "relu", dtype=self.dtype_policy, name="embed")
        self.embed.build((None, len(FEATURES)))
        self.mix = layers.Dense(self.units, use_bias=False, dtype=self.dtype_policy, name="mix")
        self.mix.build((None, self.units))
        self.context = layers.Dense(self.units, dtype=self.dtype_policy, name="context")
        self.context.build((None, 2 * self.units + self._context.shape[1]))
        self.score = layers.Dense(1, use_bias=False, dtype=self.dtype_policy, name="score")
        self.score.build((None, self.units))
        self.level = layers.Dense(
            1, use_bias=False, kernel_initializer="zeros", dtype=self.dtype_policy, name="level"
        )
        self.level.build((None, self.units))
        self.add_scale()

    def call(self, records: list[GroupRecord], added_spread: Tensor = 0.0) -> list[Tensor]:
        hidden = self.embed(ops.cast(self._channel_features(records), self.compute_dtype))
        means = self._groups.means(hidden)
        around = ops.matmul(ops.cast(self._neighbours, means.dtype), means)
        described = ops.cast(self._context, means.dtype)
        context = self.context(ops.concatenate([means, around, described], axis=1))
        hidden = ops.relu(self.mix(hidden) + self._groups.to_members(context))
        level = self.level(ops.relu(context))
        score = self.score(hidden)
        centred = score - self._groups.to_members(self._groups.means(score))
        variance = self._groups.means(ops.square(centred))
        level = level + self.beta + ops.cast(self._lifted, level.dtype)
        values = self._groups.to_members(level) + centred * self._groups.to_members(
            (self.gamma + added_spread) * ops.rsqrt(variance + 1e-8)
        )
        factors = as_factors(values, self.ceiling)
        is_off = self._groups.to_members(self._groups.means(factors) == 0)
        return split_by_record(straight_through(factors, values, is_off)[:, 0], records)

    def _channel_features(self, records: list[GroupRecord]) -> Tensor:
        """A matrix of shape `(channels of all groups, features)`."""
        squares = {}

        def mean_squares(view: KernelView) -> Tensor:
            # Squares only: the gradient of a magnitude costs twice as much as the rest together.
            if id(view.kernel) not in squares:
                squares[id(view.kernel)] = ops.square(ops.convert_to_tensor(view.kernel))
            others = [axis for axis in range(len(view.kernel.shape)) if axis != view.axis]
            return ops.mean(squares[id(view.kernel)], axis=others)

        def roots(means: Tensor) -> Tensor:
            return ops.sqrt(means + 1e-12)

        def vector(view: KernelView) -> Tensor:
            return ops.convert_to_tensor(view.kernel)

        made, read, scales, shifts = self._views
        columns = [
            made.read(records, mean_squares, relative=True, finish=roots),
            read.read(records, mean_squares, relative=True, finish=roots),
            scales.read(records, vector, finish=lambda values: values - 1),
            shifts.read(records, vector),
        ]
        return ops.stack(columns, axis=1)


def _describe(record: GroupRecord, shapes: dict[int, tuple[int, ...]]) -> list[float]:
    """Features of a group that do not change with its weights, of similar size for any network."""

    def side(views: tuple[KernelView, ...]) -> list[float]:
        kernels = [shapes[id(view.kernel)] for view in views]
        rows = [prod(s) / s[view.axis] for s, view in zip(kernels, views, strict=True)]
        area = [prod(shape[:-2]) for shape in kernels]
        share = sum(view.share for view in views)
        return [np.log1p(sum(rows)) / 8, np.log1p(sum(area)) / 4, share]

    return [
        record.depth,
        np.log1p(record.size) / 8,
        *side(record.producers),
        *side(record.consumers),
    ]


def _neighbours(records: list[GroupRecord]) -> np.ndarray:
    """Row-stochastic adjacency matrix of the groups: those that share a weight are neighbours."""
    kernels = {id(weight): i for i, weight in enumerate(unique_weights(records))}
    touched = np.zeros((len(records), len(kernels)))
    for row, record in zip(touched, records, strict=True):
        row[[kernels[id(weight)] for weight in record.weights]] = 1
    matrix = (touched @ touched.T > 0) * 1.0
    np.fill_diagonal(matrix, 0)
    return matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
