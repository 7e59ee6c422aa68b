"""Per-channel statistics of kernels and vectors, for all groups in a few operations."""

from collections.abc import Callable

import numpy as np
from keras import ops

from keras_switcher.reductions import Segments
from keras_switcher.switchers.records import GroupRecord
from keras_switcher.tensors import Tensor, as_constant


class Features:
    """Statistics of all groups' producers, consumers, scales or shifts, one per channel.

    A deep network has hundreds of them. Read one by one they make a graph that takes TensorFlow
    minutes to optimise, so they are laid end to end and reduced together.

    Args:
        records: List of `GroupRecord`s.
        kind: `"producers"`, `"consumers"`, `"scales"` or `"shifts"`.
    """

    def __init__(self, records: list[GroupRecord], kind: str) -> None:
        self._kind = kind
        starts = np.cumsum([0, *(record.size for record in records)])
        self._channels = int(starts[-1])
        # Weights are read once, however many groups see them: (record, view) of the first.
        self._sources, places, ends = [], {}, 0
        entries, rows, row_channels, row_views, views, number = [], [], [], [], 0, 0
        for i, record in enumerate(records):
            for j, view in enumerate(getattr(record, kind)):
                key = id(view.kernel), view.axis
                if key not in places:
                    places[key] = ends
                    ends += view.kernel.shape[view.axis]
                    self._sources.append((i, j))
                entries.append(places[key] + view.entries)
                rows.append(number + view.channels)
                row_channels.append(starts[i] + np.arange(record.size))
                row_views.append(np.full(record.size, views))
                views, number = views + 1, number + record.size
        if self._sources:
            gathered = np.concatenate(entries)
            takes_all = np.array_equal(gathered, np.arange(ends))
            self._entries = None if takes_all else as_constant(gathered)
            self._of_rows = Segments(np.concatenate(rows), number)
            self._of_views = Segments(np.concatenate(row_views), views)
            self._of_channels = Segments(np.concatenate(row_channels), self._channels)

    def read(
        self,
        records: list[GroupRecord],
        measure: Callable,
        relative: bool = False,
        finish: Callable = lambda values: values,
    ) -> Tensor:
        """One statistic per channel, averaged over positions and kernels.

        Averages over the positions of a channel, then over the views of a group. Groups without
        views get zeros.

        Args:
            records: The records, with the same weights or others in their places.
            measure: Called with a `KernelView`; returns a vector with a value per position of its
                axis.
            relative: Divide by the mean over the group, and subtract 1.
            finish: Called once, with the values of all views as one vector; returns another.

        Returns:
            A tensor of shape `(channels of all groups,)`.
        """
        if not self._sources:
            return ops.zeros(self._channels)
        values = [measure(getattr(records[i], self._kind)[j]) for i, j in self._sources]
        values = finish(ops.concatenate(values))
        if self._entries is not None:
            # Changes no shape, but makes the sparse gradient of the gather a dense one.
            values = ops.take(ops.reshape(values, (-1,)), self._entries, axis=0)
        values = self._of_rows.means(values)
        if relative:
            means = self._of_views.to_members(self._of_views.means(values))
            values = values / (means + 1e-12) - 1
        return self._of_channels.means(values)
