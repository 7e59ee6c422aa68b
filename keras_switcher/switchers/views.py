"""All that a switcher reads of one kind, in a few operations for a network of any depth."""

from collections.abc import Callable

import numpy as np
from keras import ops


class Views:
    """The views of one kind of all groups, laid end to end.

    A deep network has hundreds of views. Read one by one they make a graph that takes TensorFlow
    minutes to optimise.

    Args:
        records: List of `GroupRecord`s.
        kind: `"producers"`, `"consumers"`, `"scales"` or `"shifts"`.
    """

    def __init__(self, records, kind: str):
        self._kind = kind
        starts = np.cumsum([0, *(record.size for record in records)])
        self._channels = int(starts[-1])
        # Weights are read once, however many groups see them: (record, view) of the first.
        self._sources, places, ends = [], {}, 0
        entries, rows, row_channels, row_views, self._sizes = [], [], [], [], []
        for i, record in enumerate(records):
            for j, view in enumerate(getattr(record, kind)):
                key = id(view.kernel), view.axis
                if key not in places:
                    places[key] = ends
                    ends += view.kernel.shape[view.axis]
                    self._sources.append((i, j))
                entries.append(places[key] + view.entries)
                rows.append(sum(self._sizes) + view.channels)
                row_channels.append(starts[i] + np.arange(record.size))
                row_views.append(np.full(record.size, len(self._sizes)))
                self._sizes.append(record.size)
        if self._sources:
            self._entries, self._rows = np.concatenate(entries), np.concatenate(rows)
            self._row_channels = np.concatenate(row_channels)
            self._row_views = np.concatenate(row_views)

    def read(self, records, measure: Callable, relative: bool = False):
        """What is measured along the axes of all views, as one value per channel of all groups.

        Averages over the positions of a channel, then over the views of a group. Groups without
        views get zeros.

        Args:
            records: The records, with the same weights or others in their places.
            measure: Called with a `KernelView`; returns a vector with a value per position of its
                axis.
            relative: Divide by the mean over the group, and subtract 1.

        Returns:
            A tensor of shape `(channels of all groups,)`.
        """
        if not self._sources:
            return ops.zeros(self._channels)
        values = [measure(getattr(records[i], self._kind)[j]) for i, j in self._sources]
        # Changes no shape, but makes the sparse gradient of the gather a dense one.
        values = ops.reshape(ops.concatenate(values), (-1,))
        values = ops.take(values, self._entries, axis=0)
        values = _means(values, self._rows, len(self._row_views))
        if relative:
            means = _means(values, self._row_views, len(self._sizes))
            values = values / (ops.take(means, self._row_views, axis=0) + 1e-12) - 1
        return _means(values, self._row_channels, self._channels)


def _means(values, segments, number):
    """Means over segments; zeros for those without values."""
    if np.array_equal(segments, np.arange(number)):
        return values
    counts = np.maximum(np.bincount(segments, minlength=number), 1)
    sums = ops.segment_sum(values, segments, num_segments=number)
    return sums / ops.cast(counts, sums.dtype)
