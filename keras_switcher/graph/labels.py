"""Labels: the number of the channel at each position of tensors' axes."""

from collections.abc import Iterable

import keras
import numpy as np

NO_CHANNEL = -1
# A number of positions; in words why it is not known; or ids, where channels lie along them.
Size = int | str | np.ndarray


class Labels:
    """The numbers of channels, `ids`, along axes of tensors: -1 where a position has no group."""

    def __init__(self) -> None:
        self._labels: dict[int, dict[int, np.ndarray]] = {}

    def channels(self, tensor: keras.KerasTensor, axis: int) -> np.ndarray:
        """The ids along an axis of a tensor."""
        axis = axis % len(tensor.shape)
        ids = self._labels.get(id(tensor), {}).get(axis)
        return np.full(tensor.shape[axis] or 0, NO_CHANNEL) if ids is None else ids

    def labels(self, tensor: keras.KerasTensor) -> dict[int, np.ndarray]:
        """The ids along those axes of a tensor where channels of a group lie, by axis."""
        return dict(sorted(self._labels.get(id(tensor), {}).items()))

    def labelled_axes(self, tensor: keras.KerasTensor) -> list[int]:
        """The axes of a tensor along which channels of a group lie."""
        return sorted(self._labels.get(id(tensor), {}))

    def is_loose(self, tensor: keras.KerasTensor) -> bool:
        """Whether channels of a tensor belong to no group."""
        labels = self.labels(tensor).values()
        return not labels or any(np.any(ids == NO_CHANNEL) for ids in labels)

    def label(self, tensor: keras.KerasTensor, axis: int, ids: np.ndarray) -> None:
        """Writes ids along an axis of an output tensor."""
        if np.any(ids != NO_CHANNEL):
            self._labels.setdefault(id(tensor), {})[axis % len(tensor.shape)] = ids

    def sizes_along(self, tensor: keras.KerasTensor, axes: Iterable[int]) -> list[Size | None]:
        """The sizes of a tensor along some axes; ids instead where channels lie along them."""
        labels = self.labels(tensor)
        return [labels.get(axis, tensor.shape[axis]) for axis in axes]

    def all_ids(self) -> list[np.ndarray]:
        """The ids along all axes of tensors, each array once."""
        labels = (ids for along in self._labels.values() for ids in along.values())
        return list({id(ids): ids for ids in labels}.values())
