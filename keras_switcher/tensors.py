"""Tensors: their type, as constants of compiled functions, and as arrays."""

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

# A tensor of whichever backend Keras runs on; their classes have no common base.
Tensor = Any
# The sizes of a tensor, None where they are open.
Shape = tuple[int | None, ...]


def fits(shape: Shape, expected: Shape) -> bool:
    """Whether a shape is one that is expected, of which sizes may be open."""
    pairs = zip(shape, expected, strict=False)
    return len(shape) == len(expected) and all(n in (None, m) for m, n in pairs)


def precision() -> str:
    """The type of what training keeps: that of Keras, but not half of it, which stands still."""
    return "float64" if keras.config.floatx() == "float64" else "float32"


def widest(*tensors: Tensor) -> str:
    """The type of numbers in which tensors are counted: float64 if one of them is, or float32.

    Keras promotes float64 to float32; half precision cannot count beyond 256 or 2048.
    """
    dtypes = {keras.backend.standardize_dtype(tensor.dtype) for tensor in tensors}
    return "float64" if "float64" in dtypes else "float32"


def as_constant(array: ArrayLike) -> Tensor:
    """An array as a tensor, to be made before any function is compiled.

    TensorFlow keeps about twenty copies of an array that a graph contains, for every place where
    it is used; of a tensor that was made outside, a graph holds a reference.

    Args:
        array: A NumPy array. Integers become `int32`, all others `float32`.
    """
    array = np.asarray(array)
    whole = np.issubdtype(array.dtype, np.integer)
    return ops.convert_to_tensor(array, "int32" if whole else "float32")


def in_full(array: Tensor) -> np.ndarray:
    """A tensor as a NumPy array of `float32`, or of `float64` if it has that type."""
    array = ops.convert_to_numpy(array)
    return array if array.dtype == "float64" else array.astype("float32")
