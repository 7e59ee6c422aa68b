"""Labels: the number of the channel at each position of a tensor's axes."""

from collections.abc import Iterable

import keras
import numpy as np

NO_CHANNEL = -1
# How many positions there are: in words why that is not known, ids where channels lie along them.
Size = int | str | np.ndarray


class Labels:
    """Numbers of channels, `ids`, along axes of tensors: -1 where a position is of no group."""

    def __init__(self) -> None:
        self._labels: dict[tuple[int, int], np.ndarray] = {}

    def channels(self, tensor: keras.KerasTensor, axis: int) -> np.ndarray:
        """The ids along an axis of a tensor."""
        axis = axis % len(tensor.shape)
        none = np.full(tensor.shape[axis] or 0, NO_CHANNEL)
        return self._labels.get((id(tensor), axis), none)

    def labelled_axes(self, tensor: keras.KerasTensor) -> list[int]:
        """The axes of a tensor along which channels of a group lie."""
        return [axis for axis in range(len(tensor.shape)) if (id(tensor), axis) in self._labels]

    def is_loose(self, tensor: keras.KerasTensor) -> bool:
        """Whether channels of a tensor belong to no group."""
        labels = [self.channels(tensor, axis) for axis in self.labelled_axes(tensor)]
        return not labels or any(np.any(ids == NO_CHANNEL) for ids in labels)

    def label(self, tensor: keras.KerasTensor, axis: int, ids: np.ndarray) -> None:
        """Writes ids along an axis of an output tensor."""
        if np.any(ids != NO_CHANNEL):
            self._labels[(id(tensor), axis % len(tensor.shape))] = ids

    def sizes_along(self, tensor: keras.KerasTensor, axes: Iterable[int]) -> list[Size | None]:
        """The sizes of a tensor along some axes; ids instead where channels lie along them."""
        labelled = self.labelled_axes(tensor)
        return [
            self.channels(tensor, axis) if axis in labelled else tensor.shape[axis] for axis in axes
        ]

    def part_of_groups(self) -> list[np.ndarray]:
        """The ids along all axes of tensors, each array once."""
        return list({id(ids): ids for ids in self._labels.values()}.values())
