"""The U-Net without row convolutions: from a matrix to one score per entry."""

import math

from keras import ops

from keras_switcher.reductions import Tensor
from keras_switcher.switchers.unet_network import UNet


class EntryUNet(UNet):
    """Reads a matrix as an image and returns scores per entry (arXiv 2103.15590).

    As `UNet`, but the decoder gets to see the encoder's levels themselves instead of features of
    their rows, and doubles rows and columns.

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
        """Nothing: there are no row convolutions."""

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
