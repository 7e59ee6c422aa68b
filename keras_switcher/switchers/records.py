"""Records: the weights of a group as a switcher sees them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from keras import ops

from keras_switcher.tensors import Tensor


@dataclass(frozen=True, eq=False)
class KernelView:
    """One group's part of a kernel: the entries along one axis that belong to its channels.

    Args:
        kernel: The weight: shape `(inputs, outputs)` or `(..., inputs, outputs)`. The same
            object appears in the record of every group that the kernel touches.
        axis: The axis of `kernel` along which the group's channels lie.
        entries: Positions along that axis that belong to the group.
        channels: The group's channel at each of these positions.
        share: The share of the network's MACs that the kernel takes, from 0 to 1; of its weights
            where the MACs are not known.

    Example:

    >>> kernel = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])  # Three inputs, two outputs.
    >>> view = KernelView(kernel, axis=0, entries=np.array([0, 2]), channels=np.array([0, 1]))
    >>> ops.convert_to_numpy(view.rows()).tolist()
    [[1.0, 2.0], [5.0, 6.0]]
    """

    kernel: Any
    axis: int
    entries: np.ndarray = field(repr=False)
    channels: np.ndarray = field(repr=False)
    share: float = 0.0

    @property
    def is_convolution(self) -> bool:
        """Whether the kernel has spatial axes."""
        return len(self.kernel.shape) > 2

    def rows(self) -> Tensor:
        """The kernel as a matrix of shape `(entries, weights of an entry)`."""
        length = self.kernel.shape[self.axis]
        rows = ops.reshape(ops.moveaxis(self.kernel, self.axis, 0), (length, -1))
        return rows if self._takes_all(length) else ops.take(rows, self.entries, axis=0)

    def per_channel(self, values: Tensor, size: int) -> Tensor:
        """Averages values, one per position of the axis, over the positions of each channel.

        Args:
            values: Tensor of shape `(length of the axis, ...)`.
            size: Number of channels of the group.
        """
        if not self._takes_all(values.shape[0]):
            values = ops.take(values, self.entries, axis=0)
        if np.array_equal(self.channels, np.arange(size)):
            return values
        counts = np.bincount(self.channels, minlength=size).astype("float32")
        sums = ops.segment_sum(values, self.channels, num_segments=size)
        counts = ops.reshape(
            ops.cast(np.maximum(counts, 1), sums.dtype), (-1, *[1] * (len(sums.shape) - 1))
        )
        return sums / counts

    def _takes_all(self, length: int) -> bool:
        return len(self.entries) == length


@dataclass(frozen=True, eq=False)
class GroupRecord:
    """The weights around one channel group, as input of a switcher.

    Args:
        name: Name of the group.
        size: Number of its channels: the switcher returns as many factors.
        producers: The kernels that make the channels, `axis` being their output axis. None for
            the input positions of a Dense layer.
        consumers: The kernels that read the channels, `axis` being their input axis.
        scales: Per-channel factors on the way to the consumers (a normalisation's gamma).
        shifts: Per-channel offsets on the way to the consumers (beta, biases).
        depth: Where the group lies in the network, from 0 (input) to 1 (output).

    Example:

    >>> import keras
    >>> import keras_switcher as ks
    >>> hidden = keras.layers.Dense(3, name="hidden")
    >>> task = keras.Sequential([keras.Input((2,)), hidden, keras.layers.Dense(1)])
    >>> record = ks.SwitcherModel(task).records[0]
    >>> record.name, record.shape, tuple(record.producers[0].rows().shape)
    ('hidden', (3,), (3, 2))
    """

    name: str
    size: int
    producers: tuple[KernelView, ...]
    consumers: tuple[KernelView, ...]
    scales: tuple[KernelView, ...] = ()
    shifts: tuple[KernelView, ...] = ()
    depth: float = 0.0

    @property
    def shape(self) -> tuple[int]:
        """The shape of the factors that the switcher returns."""
        return (self.size,)

    @property
    def views(self) -> tuple[KernelView, ...]:
        """All weights of the group, the producers' kernels first."""
        return self.producers + self.consumers + self.scales + self.shifts

    @property
    def weights(self) -> list:
        """The weight of each view."""
        return [view.kernel for view in self.views]

    def map_weights(self, function: Callable) -> "GroupRecord":
        """The same record with `function(weight)` in the place of each weight."""

        def mapped(views: tuple[KernelView, ...]) -> tuple[KernelView, ...]:
            return tuple(replace(view, kernel=function(view.kernel)) for view in views)

        return replace(
            self,
            producers=mapped(self.producers),
            consumers=mapped(self.consumers),
            scales=mapped(self.scales),
            shifts=mapped(self.shifts),
        )


@dataclass(frozen=True, eq=False)
class ConnectionRecord:
    """The kernel of one Dense layer, as input of a switcher of connections.

    Args:
        name: Name of the connection group.
        kernel: The kernel, of shape `(inputs, outputs)`: the switcher returns a matrix like it.
        share: The share of the network's MACs that it takes, from 0 to 1; of its weights where
            MACs are not known.
        depth: Where it lies in the network, from 0 (input) to 1 (output).

    Example:

    >>> record = ConnectionRecord("hidden/connections", np.zeros((2, 3)))
    >>> record.shape, record.size
    ((2, 3), 6)
    """

    name: str
    kernel: Any
    share: float = 0.0
    depth: float = 0.0

    @property
    def shape(self) -> tuple[int, int]:
        """The shape of the factors that the switcher returns."""
        return tuple(self.kernel.shape)

    @property
    def size(self) -> int:
        """Number of connections."""
        return self.shape[0] * self.shape[1]

    @property
    def weights(self) -> list:
        """The kernel."""
        return [self.kernel]

    def map_weights(self, function: Callable) -> "ConnectionRecord":
        """The same record with `function(kernel)` in the place of the kernel."""
        return replace(self, kernel=function(self.kernel))


Record = GroupRecord | ConnectionRecord


def split_by_record(values: Tensor, records: Sequence[Record]) -> list:
    """Cuts values per factor of all records, one after the other, into one tensor per record."""
    ends = np.cumsum([record.size for record in records])[:-1].tolist()
    parts = ops.split(values, ends, axis=0) if ends else [values]
    return [ops.reshape(part, r.shape) for part, r in zip(parts, records, strict=True)]


def unique_weights(records: Sequence[Record]) -> list:
    """Every weight of the records, once, in order of appearance."""
    weights = {id(weight): weight for record in records for weight in record.weights}
    return list(weights.values())


def check_shapes(factors: Any, records: Sequence[Record], switcher: str) -> None:
    """Checks that a switcher returned one tensor per record, of the record's shape.

    Args:
        factors: The value that it returned.
        records: The records.
        switcher: Its name.

    Raises:
        ValueError: If the number of factors or a shape is another one.
    """
    listed = isinstance(factors, (list, tuple))
    made = (
        [tuple(getattr(factor, "shape", ())) for factor in factors]
        if listed
        else type(factors).__name__
    )
    asked = [tuple(record.shape) for record in records]
    if made != asked:
        raise ValueError(
            f"Switcher '{switcher}' must return a list with a tensor of shape `record.shape` per "
            f"record. Expected: {dict(zip([r.name for r in records], asked, strict=True))}. "
            f"Received: {made}."
        )


def check_finite(factors: dict, records: list, switcher: str) -> None:
    """Checks that factors, and the weights they were computed from, are finite; and no factor < 0.

    Args:
        factors: Maps names of groups to arrays.
        records: The records that the switcher has read.
        switcher: Its name.

    Raises:
        ValueError: If a factor or weight is not finite, or a factor is negative.
    """
    # The weights too: where compiled code merges a ReLU, it makes zeros of NaN.
    broken = {id(weight) for weight in unique_weights(records) if not _is_finite(weight)}
    for record in records:
        weights = map(id, record.weights)
        if not _is_finite(factors[record.name]) or not broken.isdisjoint(weights):
            raise ValueError(
                f"The factors of '{record.name}' are not finite, or the weights that they "
                "depend on: training diverged. Go back to an earlier checkpoint, or lower "
                "the learning rate."
            )
        if (factors[record.name] < 0).any():
            raise ValueError(
                f"Switcher '{switcher}' returned negative factors for '{record.name}'. Zero "
                "switches off, so end its call() with keras.ops.relu."
            )


def _is_finite(value: Tensor) -> bool:
    return np.isfinite(ops.convert_to_numpy(value)).all()


def map_weights(records: Sequence[Record], function: Callable) -> list:
    """The records with `function(weight)` in the place of each weight, called once per weight."""
    mapped = {id(weight): function(weight) for weight in unique_weights(records)}
    return [record.map_weights(lambda weight: mapped[id(weight)]) for record in records]


def split_records(records: Sequence[Record]) -> tuple[list[GroupRecord], list[ConnectionRecord]]:
    """The records of channels, and the records of connections."""
    channels = [record for record in records if isinstance(record, GroupRecord)]
    return channels, [record for record in records if isinstance(record, ConnectionRecord)]


def in_order(records: Sequence[Record], of_channels: list, of_connections: list) -> list:
    """The factors of channels and connections, in the order of the records they belong to."""
    channels, connections = iter(of_channels), iter(of_connections)
    return [
        next(channels if isinstance(record, GroupRecord) else connections) for record in records
    ]
