"""Relative differences between the outputs of two networks."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops, tree

_STEPS = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float64": 2.0**-52}


def arrays(outputs: Any) -> list[np.ndarray]:
    """The tensors of a structure as arrays, in order."""
    return [ops.convert_to_numpy(values) for values in tree.flatten(outputs)]


def is_telling(values: np.ndarray) -> bool:
    """Whether outputs differ between samples and are finite: a last ReLU may be dead on all."""
    if values.dtype.kind not in "fcV":
        return True
    varies = values.ndim == 0 or len(values) < 2 or bool((values != values[:1]).any())
    return varies and bool(np.isfinite(values).all() and values.any())


def coarsest_step(dtypes: Iterable[str | None]) -> float:
    """The largest relative distance of two neighbouring numbers in any of some precisions.

    Args:
        dtypes: Names of dtypes; those that hold no real numbers have no part in it.
    """
    real = [dtype for dtype in dtypes if dtype and keras.backend.is_float_dtype(dtype)]
    return max((_STEPS.get(dtype, 2.0**-23) for dtype in real), default=0)


def difference(expected: list[np.ndarray], actual: list[np.ndarray]) -> float:
    """The largest difference between outputs, relative to the largest number in each.

    Infinite where shapes differ, or a number and what is none.

    Args:
        expected: The outputs of the one network.
        actual: Those of the other.

    Example:

    >>> difference([np.array([1.0, 4.0])], [np.array([1.0, 3.0])])
    0.25
    """
    return max(map(_difference_of_one, expected, actual), default=0.0)


def _difference_of_one(a: np.ndarray, b: np.ndarray) -> float:
    if a.shape != b.shape:
        return np.inf
    if np.array_equal(a, b):
        return 0.0
    if a.dtype.kind not in "biufcV":
        return np.inf
    a, b = _parts(a), _parts(b)
    differing = ~((a == b) | (np.isnan(a) & np.isnan(b)))
    if not differing.any():
        return 0.0
    largest = max(np.abs(x[np.isfinite(x)]).max(initial=0) for x in (a, b))
    difference = np.abs(a - b)[differing].max() / largest if largest else np.inf
    return np.inf if np.isnan(difference) else float(difference)


def _parts(values: np.ndarray) -> np.ndarray:
    """The real and the imaginary parts of numbers."""
    if values.dtype.kind != "c":
        values = values.astype("float64")
    return np.stack([np.float64(values.real), np.float64(values.imag)])
