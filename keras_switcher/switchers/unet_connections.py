"""UNetSwitcher's network for connection factors."""

from typing import Any

import keras
from keras import ops

from keras_switcher.switchers.heads import group_mean_at_start
from keras_switcher.switchers.records import ConnectionRecord
from keras_switcher.switchers.unet_network import EntryUNet, Normalize, padded
from keras_switcher.tensors import Tensor


class ConnectionImages(keras.layers.Layer):
    """A factor per connection: kernels are images, and so are their factors; see `UNetSwitcher`.

    Args:
        stacked: One U-Net for all kernels, zero-padded to the largest and stacked as channels,
            or one for each.
        normalization: See `UNetSwitcher`.
        depth: See `UNetSwitcher`.
        gamma: Initial standard deviation of the factors.
        beta: Their initial mean.
        **kwargs: As for any Keras layer.
    """

    def __init__(
        self,
        stacked: bool,
        normalization: str,
        depth: int | None,
        gamma: float,
        beta: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.stacked = stacked
        self.normalization = normalization
        self.depth = depth
        self.start = (gamma, beta)

    def build(self, records: list[ConnectionRecord]) -> None:
        shapes = [record.shape for record in records]
        if self.stacked:
            self._largest = tuple(max(side) for side in zip(*shapes, strict=True))
            self.networks = [self._unet((*self._largest, len(shapes)), len(shapes))]
        else:
            self.networks = [self._unet((*shape, 1), 1) for shape in shapes]
        self.heads = [self._head(record.size) for record in records]

    def call(self, records: list[ConnectionRecord], added_spread: Tensor = 0.0) -> list[Tensor]:
        matrices = [ops.cast(record.kernel, self.compute_dtype) for record in records]
        if self.stacked:
            images = [padded(matrix, self._largest) for matrix in matrices]
            output = self.networks[0](ops.stack(images, axis=-1))
            scores = [
                output[: matrix.shape[0], : matrix.shape[1], i : i + 1]
                for i, matrix in enumerate(matrices)
            ]
        else:
            scores = [
                network(matrix[:, :, None])
                for network, matrix in zip(self.networks, matrices, strict=True)
            ]
        return [
            ops.relu(head(score, added_spread=added_spread)[:, :, 0])
            for head, score in zip(self.heads, scores, strict=True)
        ]

    def _unet(self, shape: tuple[int, ...], outputs: int) -> EntryUNet:
        network = EntryUNet(outputs, self.depth, self.normalization, dtype=self.dtype_policy)
        network.build(shape)
        return network

    def _head(self, size: int) -> Normalize:
        gamma, beta = self.start
        head = Normalize(
            self.normalization, gamma, group_mean_at_start(beta, size), dtype=self.dtype_policy
        )
        head.build((None, 1))
        return head
