"""The paper's switcher: a U-Net that reads weight matrices as images."""

from typing import Any

import keras
from keras import ops

from keras_switcher.arguments import own_arguments
from keras_switcher.switchers.heads import START, STARTS, check_head, group_mean_at_start
from keras_switcher.switchers.records import (
    GroupRecord,
    KernelView,
    Record,
    in_order,
    split_records,
)
from keras_switcher.switchers.switcher import Switcher
from keras_switcher.switchers.unet_connections import ConnectionImages
from keras_switcher.switchers.unet_network import INITIALIZER, Normalize, UNet, padded
from keras_switcher.tensors import Tensor

NORMALIZATIONS = ("instance", "batch")


@keras.saving.register_keras_serializable(package="keras_switcher")
class UNetSwitcher(Switcher):
    """Reads weight matrices as images by a U-Net: the papers' switcher.

    U-Nets (Ronneberger et al. 2015, arXiv 1505.04597) are convolutional networks that halve an
    image level by level and enlarge it again. Here one returns a factor per row (figure 2 of arXiv
    2110.05954). For a group that dense kernels make (or the inputs of a Dense layer), the image is
    the matrix that reads the channels, one row per channel. A convolution kernel becomes one
    feature row per output channel by a learned convolution per layer, and the rows of all
    convolutions make one matrix. The raw weights are read, and gradients flow back into them
    (equation 6).

    For connections, the image is the kernel itself, and a U-Net without row convolutions returns
    an image like it (arXiv 2103.15590).

    Args:
        stacked: True: the dense matrices are zero-padded to the largest and stacked as channels
            of one image, with one output per group (the paper's text). False: one U-Net per
            group (the authors' code).
        start: `"one"` (all factors are 1), `"near_one"` (mean 1 and spread .3) or `"half_zeros"`
            (the paper's: about half of all factors are 0 before any training).
        normalization: `"instance"`: by the statistics of the matrix itself, in training and
            inference alike (Ulyanov et al. 2016, arXiv 1607.08022). `"batch"`: the paper's batch
            normalisation, whose running statistics differ from those in training.
        depth: Number of levels of the U-Nets; None for a depth by the number of rows.
        row_width: Length of the feature row of a convolution's output channel.
        **kwargs: See `Switcher`.

    Raises:
        ValueError: If an argument is not one of its choices.

    Example:

    >>> import keras_switcher as ks
    >>> hidden = keras.layers.Dense(64, name="hidden")
    >>> task = keras.Sequential([keras.Input((4,)), hidden, keras.layers.Dense(1)])
    >>> model = ks.SwitcherModel(task, UNetSwitcher(stacked=False, start="half_zeros"))
    >>> bool(0.2 < (model.scaling_factors()["hidden"] == 0).mean() < 0.8)
    True
    """

    def __init__(
        self,
        stacked: bool = True,
        start: str = START,
        normalization: str = "instance",
        depth: int | None = None,
        row_width: int = 32,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_head(start, ceiling=None)
        if normalization not in NORMALIZATIONS:
            raise ValueError(
                f"`normalization` must be one of {NORMALIZATIONS}. "
                f"Received: normalization={normalization!r}."
            )
        for name, value in (("depth", 1 if depth is None else depth), ("row_width", row_width)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"`{name}` must be a positive integer. Received: {value!r}.")
        self.stacked = stacked
        self.start = start
        self.normalization = normalization
        self.depth = depth
        self.row_width = row_width
        # On CPUs XLA's gradient of a convolution is slow: a step takes three times as long.
        self.supports_jit = False

    def build(self, records: list[Record]) -> None:
        channels, connections = split_records(records)
        if channels:
            self._build_channels(channels)
        if connections:
            self.of_connections = ConnectionImages(
                self.stacked,
                self.normalization,
                self.depth,
                *STARTS[self.start],
                dtype=self.dtype_policy,
            )
            self.of_connections.build(connections)
        self.add_initial_spread(self.start)

    def call(self, records: list[Record]) -> list[Tensor]:
        channels, connections = split_records(records)
        added_spread = self.added_spread()
        return in_order(
            records,
            self._factors_of_channels(channels, added_spread) if channels else [],
            self.of_connections(records=connections, added_spread=added_spread)
            if connections
            else [],
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **own_arguments(UNetSwitcher, self)}

    def _build_channels(self, records: list[GroupRecord]) -> None:
        self._dense = [i for i, r in enumerate(records) if not _is_convolutional(r)]
        self._convolutional = [i for i, r in enumerate(records) if _is_convolutional(r)]
        self._sizes = [record.size for record in records]
        shapes = [(records[i].size, _width(records[i])) for i in self._dense]
        largest = tuple(max(side) for side in zip(*shapes, strict=True))
        if self.stacked and shapes:
            self.networks = [self._unet((*largest, len(shapes)), len(shapes))]
        else:
            self.networks = [self._unet((*shape, 1)) for shape in shapes]
        self._image_shape = largest
        if self._convolutional:
            rows = sum(self._sizes[i] for i in self._convolutional)
            self.to_rows = {
                str(i): [self._row_kernel(view) for view in records[i].producers]
                for i in self._convolutional
            }
            self.convolution_network = self._unet((rows, self.row_width, 1))
        self.heads = [self._head(record.size) for record in records]

    def _factors_of_channels(
        self, records: list[GroupRecord], added_spread: Tensor
    ) -> list[Tensor]:
        scores = {}
        if self._convolutional:
            rows = [self._feature_rows(i, records[i]) for i in self._convolutional]
            image = ops.expand_dims(ops.concatenate(rows, axis=0), -1)
            output = self.convolution_network(image)
            start = 0
            for i in self._convolutional:
                scores[i] = output[start : start + self._sizes[i]]
                start += self._sizes[i]
        matrices = [_matrix(records[i]) for i in self._dense]
        if self.stacked and matrices:
            images = [padded(matrix, self._image_shape) for matrix in matrices]
            output = self.networks[0](ops.stack(images, axis=-1))
            for channel, i in enumerate(self._dense):
                scores[i] = output[: self._sizes[i], channel : channel + 1]
        elif matrices:
            for network, i, matrix in zip(self.networks, self._dense, matrices, strict=True):
                scores[i] = network(ops.expand_dims(matrix, -1))
        return [
            ops.relu(head(scores[i], added_spread=added_spread)[:, 0])
            for i, head in enumerate(self.heads)
        ]

    def _unet(self, shape: tuple[int, ...], outputs: int = 1) -> UNet:
        network = UNet(outputs, self.depth, self.normalization, dtype=self.dtype_policy)
        network.build(shape)
        return network

    def _head(self, size: int) -> Normalize:
        """The last normalisation, over the channels of one group and not over padding."""
        gamma, beta = STARTS[self.start]
        head = Normalize(
            self.normalization, gamma, group_mean_at_start(beta, size), dtype=self.dtype_policy
        )
        head.build((None, 1))
        return head

    def _row_kernel(self, view: KernelView) -> keras.Variable:
        weights = 1
        for axis, length in enumerate(view.kernel.shape):
            weights *= 1 if axis == view.axis else length
        return self.add_weight(
            shape=(weights, self.row_width),
            initializer=keras.initializers.VarianceScaling(2.0, *INITIALIZER),
            name=f"row_kernel_{len(self.weights)}",
        )

    def _feature_rows(self, i: int, record: GroupRecord) -> Tensor:
        """A convolution over a whole kernel slice is a product: (size, row_width)."""
        rows = []
        for view, kernel in zip(record.producers, self.to_rows[str(i)], strict=True):
            values = ops.matmul(ops.reshape(view.rows(), (-1, kernel.shape[0])), kernel)
            rows.append(view.per_channel(values, record.size))
        return sum(rows[1:], rows[0]) / len(rows)


def _is_convolutional(record: GroupRecord) -> bool:
    return any(view.is_convolution for view in record.producers)


def _width(record: GroupRecord) -> int:
    """Columns of a dense group's image: the outputs of all kernels that read it."""
    columns = 0
    for view in record.consumers:
        size = 1
        for length in view.kernel.shape:
            size *= length
        columns += size // view.kernel.shape[view.axis]
    return columns


def _matrix(record: GroupRecord) -> Tensor:
    columns = [view.per_channel(view.rows(), record.size) for view in record.consumers]
    return ops.concatenate(columns, axis=1)
