"""Batches of data, however they are given."""

from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np
from keras import tree

BATCH_SIZE = 32
_ITERABLES = (Iterable, keras.utils.PyDataset)


def batches_of(data: Any, batch_size: int = BATCH_SIZE, name: str = "data") -> Iterator[tuple]:
    """Batches as `(x, y, sample_weight)`, of arrays or of whatever yields batches.

    Args:
        data: A tuple of arrays `(x,)`, `(x, y)` or `(x, y, sample_weight)`, or structures of them;
            one array, or a dict of them; or an iterable of batches, such as a `tf.data.Dataset` or
            a `keras.utils.PyDataset`.
        batch_size: How many samples of arrays are in a batch.
        name: The argument's name, for errors.

    Raises:
        ValueError: If there is no sample, or `data` is neither.
    """
    is_arrays = isinstance(data, (tuple, dict, np.ndarray)) or keras.ops.is_tensor(data)
    if not is_arrays and (isinstance(data, str) or not isinstance(data, _ITERABLES)):
        raise ValueError(
            f"`{name}` must be arrays, such as (x, y), or an iterable of batches. "
            f"Received: {name}={type(data).__name__}."
        )
    given: Iterable = _sliced(data, batch_size, name) if is_arrays else _counted(data)
    empty = True
    for batch in given:
        empty = False
        yield keras.utils.unpack_x_y_sample_weight(batch)
    if empty:
        raise ValueError(f"There is no batch in `{name}`. Received: {name}={type(data).__name__}.")


def _sliced(data: Any, batch_size: int, name: str) -> Iterator[Any]:
    sizes = {len(array) for array in tree.flatten(data) if array is not None}
    if len(sizes) != 1:
        raise ValueError(f"The arrays in `{name}` must have as many samples. Received: {sizes}.")
    for start in range(0, sizes.pop(), batch_size):
        yield tree.map_structure(
            lambda array, start=start: None if array is None else array[start : start + batch_size],
            data,
        )


def _counted(data: Any) -> Iterable:
    if isinstance(data, keras.utils.PyDataset):
        return (data[number] for number in range(data.num_batches))
    return data
