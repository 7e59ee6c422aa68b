"""The papers' U-Nets: from a matrix to scores, one per row or one per entry."""

import math
from typing import Any

import keras
from keras import layers, ops

from keras_switcher.tensors import Tensor

# With a variance of 2 / fan-out: He et al. 2015, arXiv 1502.01852.
INITIALIZER = ("fan_out", "untruncated_normal")


class UNet(layers.Layer):
    """Reads a matrix as an image and returns scores per row.

    A U-Net (Ronneberger et al. 2015, arXiv 1505.04597) as in figure 2 of arXiv 2110.05954: encoder
    levels of a 3x3 convolution, normalisation, ReLU and max pooling by 2; at every level a row
    convolution as wide as the image makes one feature vector per row; a decoder of width 1 doubles
    the rows and concatenates the level's row features.

    Args:
        outputs: Number of scores per row.
        depth: Number of encoder levels; None for half the binary logarithm of the rows, but
            at least 4 where there are rows enough for it.
        normalization: `"instance"` or `"batch"`, see `UNetSwitcher`.
        **kwargs: As for any Keras layer.

    Input shape:
        `(rows, columns, channels)`: one image, without a batch axis.

    Output shape:
        `(rows, outputs)`.
    """

    def __init__(
        self,
        outputs: int = 1,
        depth: int | None = None,
        normalization: str = "instance",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.outputs = outputs
        self.depth = depth
        self.normalization = normalization

    def build(self, shape: tuple[int, ...]) -> None:
        rows, width, channels = shape
        doublings = int(math.log2(max(rows, 2)))
        depth = self.depth or max(1, min(max(4, doublings // 2), doublings - 2))
        # Narrow matrices keep their width in the first levels.
        wide = int(math.log2(width))
        self.pools = [(2, 1) if i < depth - wide else (2, 2) for i in range(depth)]
        self.padding = self._missing(rows, width)
        width += self.padding[1]
        features = [8 * 2**i for i in range(depth + 1)]
        self.encoder, self.up, self.decoder = [], [], []
        self.row: list[tuple[keras.Variable, Normalize]] = []
        for level, size in enumerate(features):
            self.encoder.append(self._step((3, 3, channels, size)))
            self._build_row(width, size)
            channels = size
            if level < depth:
                width //= self.pools[level][1]
        for size, pool in zip(reversed(features[:-1]), reversed(self.pools), strict=True):
            self.up.append(self._kernel(self._up_shape(size, pool)))
            self.decoder.append(self._step((2 * size, size)))
        self.head = self._kernel((features[0], self.outputs))

    def call(self, image: Tensor) -> Tensor:
        rows, columns, _ = image.shape
        padding = [[0, length] for length in (*self.padding, 0)]
        image = ops.expand_dims(ops.pad(image, padding), 0)
        described = []
        for level, (kernel, normalize) in enumerate(self.encoder):
            image = ops.conv(image, kernel, padding="same", data_format="channels_last")
            image = ops.relu(normalize(image))
            described.append(self._described(image, level))
            if level < len(self.pools):
                pool = self.pools[level]
                # As strides, too: Keras's default for them fails under JAX.
                image = ops.max_pool(image, pool, pool, data_format="channels_last")
        values = described.pop()
        for up, pool, (kernel, normalize) in zip(
            self.up, reversed(self.pools), self.decoder, strict=True
        ):
            values = ops.concatenate([self._enlarged(values, up, pool), described.pop()], axis=-1)
            values = ops.relu(normalize(ops.matmul(values, kernel)))
        return self._cropped(ops.matmul(values, self.head), rows, columns)

    def _missing(self, rows: int, width: int) -> tuple[int, int]:
        """How many rows and columns of zeros are added. A column too many is left out instead."""
        return -rows % 2 ** len(self.pools), 0

    def _build_row(self, width: int, size: int) -> None:
        self.row.append(self._step((width, size, size)))

    def _described(self, image: Tensor, level: int) -> Tensor:
        """The skip connection from a level of the encoder to the decoder: features of each row."""
        kernel, normalize = self.row[level]
        flat = ops.reshape(image, (image.shape[1], -1))
        row = ops.matmul(flat, ops.reshape(kernel, (-1, kernel.shape[-1])))
        return ops.relu(normalize(row))

    def _up_shape(self, size: int, pool: tuple[int, int]) -> tuple[int, ...]:
        return (2, size, 2 * size)

    def _enlarged(self, values: Tensor, up: Tensor, pool: tuple[int, int]) -> Tensor:
        """Twice the rows: a transposed convolution of kernel and stride (2, 1)."""
        up = ops.transpose(ops.reshape(up, (-1, up.shape[-1])))
        return ops.reshape(ops.matmul(values, up), (2 * values.shape[0], -1))

    def _cropped(self, values: Tensor, rows: int, columns: int) -> Tensor:
        return values[:rows]

    def _step(self, shape: tuple[int, ...]) -> tuple[keras.Variable, "Normalize"]:
        normalize = Normalize(self.normalization, dtype=self.dtype_policy)
        normalize.build((None, shape[-1]))
        return self._kernel(shape), normalize

    def _kernel(self, shape: tuple[int, ...]) -> keras.Variable:
        return self.add_weight(
            shape=shape,
            initializer=keras.initializers.VarianceScaling(2.0, *INITIALIZER),
            name=f"kernel_{len(self.weights)}",
        )


class EntryUNet(UNet):
    """Reads a matrix as an image and returns scores per entry (arXiv 2103.15590).

    As `UNet`, but skip connections pass the encoder's levels themselves instead of features of
    their rows, and the decoder doubles rows and columns.

    Args:
        outputs: See `UNet`.
        depth: See `UNet`.
        normalization: See `UNet`.
        **kwargs: As for any Keras layer.

    Input shape:
        `(rows, columns, channels)`: one image, without a batch axis.

    Output shape:
        `(rows, columns, outputs)`.
    """

    def _missing(self, rows: int, width: int) -> tuple[int, int]:
        strides = [math.prod(pool[axis] for pool in self.pools) for axis in (0, 1)]
        return -rows % strides[0], -width % strides[1]

    def _build_row(self, width: int, size: int) -> None:
        """Creates nothing: there are no row convolutions."""

    def _described(self, image: Tensor, level: int) -> Tensor:
        return image[0]

    def _up_shape(self, size: int, pool: tuple[int, int]) -> tuple[int, ...]:
        return (*pool, size, 2 * size)

    def _enlarged(self, values: Tensor, up: Tensor, pool: tuple[int, int]) -> Tensor:
        """A transposed convolution whose stride is its kernel: a product and two reshapes."""
        rows, columns, channels = values.shape
        flat = ops.matmul(values, ops.transpose(ops.reshape(up, (-1, channels))))
        blocks = ops.reshape(flat, (rows, columns, *pool, -1))
        blocks = ops.transpose(blocks, (0, 2, 1, 3, 4))
        return ops.reshape(blocks, (rows * pool[0], columns * pool[1], -1))

    def _cropped(self, values: Tensor, rows: int, columns: int) -> Tensor:
        return values[:rows, :columns]


class Normalize(layers.Layer):
    """Normalises each channel over all other axes, with a learned scale and shift.

    Args:
        mode: `"instance"`: by the mean and variance of the inputs, in training and inference
            (Ulyanov et al. 2016, arXiv 1607.08022). `"batch"`: a
            `keras.layers.BatchNormalization`, whose running statistics serve inference.
        gamma: Initial scale.
        beta: Initial shift.
        **kwargs: As for any Keras layer.

    Call arguments:
        inputs: The tensor to normalise, channels last.
        added_spread: A number added to the scale, see `Switcher.added_spread`; unused in `"batch"`
            mode.
    """

    def __init__(
        self, mode: str = "instance", gamma: float = 1.0, beta: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.mode = mode
        self.start = (gamma, beta)

    def build(self, shape: tuple[int | None, ...]) -> None:
        gamma, beta = (keras.initializers.Constant(value) for value in self.start)
        if self.mode == "batch":
            self.inner = layers.BatchNormalization(
                momentum=0.9,
                epsilon=1e-5,
                gamma_initializer=gamma,
                beta_initializer=beta,
                dtype=self.dtype_policy,
            )
            self.inner.build((None, shape[-1]))
        else:
            self.gamma = self.add_weight(shape=(shape[-1],), initializer=gamma, name="gamma")
            self.beta = self.add_weight(shape=(shape[-1],), initializer=beta, name="beta")

    def call(self, inputs: Tensor, added_spread: Tensor = 0.0) -> Tensor:
        if self.mode == "batch":
            flat = ops.reshape(inputs, (-1, inputs.shape[-1]))
            return ops.reshape(self.inner(flat), inputs.shape)
        channels = inputs.shape[-1]
        # All columns and channels are in one axis: along a last axis of 8 channels the same
        # arithmetic takes twice as long.
        rows = inputs.shape[-3] if len(inputs.shape) > 2 else inputs.shape[0]
        wide = ops.reshape(inputs, (rows, -1))
        columns = wide.shape[1] // channels

        def mean(values: Tensor) -> Tensor:
            return ops.mean(ops.reshape(ops.mean(values, axis=0), (columns, channels)), axis=0)

        centred = wide - ops.tile(mean(wide), columns)
        scale = (self.gamma + added_spread) * ops.rsqrt(mean(ops.square(centred)) + 1e-5)
        outputs = centred * ops.tile(scale, columns) + ops.tile(self.beta, columns)
        return ops.reshape(outputs, inputs.shape)


def padded(matrix: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A matrix with zeros below and to the right, up to a shape."""
    missing = [[0, most - length] for most, length in zip(shape, matrix.shape, strict=True)]
    return ops.pad(matrix, missing)
