"""The weights that factors scale: how many there are by factor, and the sum of their squares."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from keras import ops

from keras_switcher.switchers.records import ConnectionRecord, Record
from keras_switcher.tensors import Tensor


def weights_per_factor(records: list[Record]) -> np.ndarray:
    """How many weights each factor scales: those that read the channel; one per connection.

    Args:
        records: The records, whose factors lie one after the other in the result.
    """
    return np.concatenate([_weights_per_factor(record) for record in records])


def _weights_per_factor(record: Record) -> np.ndarray:
    if isinstance(record, ConnectionRecord):
        return np.ones(record.size)
    numbers = np.zeros(record.size)
    for view in record.consumers:
        of_entry = math.prod(view.kernel.shape) // view.kernel.shape[view.axis]
        numbers += of_entry * np.bincount(view.channels, minlength=record.size)
    return numbers


class GatedSquares:
    """The sum of squares of all weights that factors scale, each counted once.

    A kernel is read once, however many groups lie along its input axis.

    Args:
        records: The records.
    """

    def __init__(self, records: list[Record]) -> None:
        # By kernel: where it was first seen, its axis, and the entries along it that are scaled.
        parts: dict[int, tuple[int, int, int, set[int]]] = {}
        for number, record in enumerate(records):
            for place, (kernel, axis, entries) in enumerate(_scaled(record)):
                first = parts.setdefault(id(kernel), (number, place, axis, set()))
                first[3].update(entries)
        self._parts = [(n, p, axis, np.array(sorted(e))) for n, p, axis, e in parts.values()]

    def __call__(self, records: list[Record]) -> Tensor:
        """The sum, a scalar.

        Args:
            records: The records, with the same weights or others in their places.
        """
        total = 0.0
        for number, place, axis, entries in self._parts:
            weights = ops.convert_to_tensor(_scaled(records[number])[place][0])
            if len(entries) < weights.shape[axis]:
                weights = ops.take(weights, entries, axis=axis)
            total += ops.sum(ops.square(weights))
        return total


def _scaled(record: Record) -> list[tuple[Any, int, Iterable[int]]]:
    """The kernels that a record's factors scale, with an axis and the entries along it."""
    if isinstance(record, ConnectionRecord):
        return [(record.kernel, 0, range(record.shape[0]))]
    return [(view.kernel, view.axis, view.entries.tolist()) for view in record.consumers]
