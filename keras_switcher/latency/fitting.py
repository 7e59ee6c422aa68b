"""Fitting: times over numbers of channels as a sum of products, none of which is negative."""

from itertools import combinations

import numpy as np


def fit_products(times: np.ndarray, inputs: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Coefficients of 1, inputs, outputs and inputs times outputs, by non-negative least squares.

    Relative errors count, so that small widths matter as much as large ones. Lawson and Hanson
    (1974, Solving Least Squares Problems) search for the terms that stay; of four, all sets are
    tried.

    Args:
        times: Vector of times, above zero.
        inputs: Vector of as many numbers of channels that are read.
        outputs: Vector of as many numbers of channels that are made.

    Example:

    >>> inputs, outputs = np.array([2, 2, 4, 4]), np.array([3, 6, 3, 6])
    >>> fit_products(5 + 2 * inputs * outputs, inputs, outputs).round(6).tolist()
    [5.0, 0.0, 0.0, 2.0]
    """
    terms = np.stack([np.ones(len(times)), inputs, outputs, inputs * outputs], 1)
    relative, ones = terms / np.asarray(times)[:, None], np.ones(len(times))
    best, least = np.zeros(4), np.inf
    for number in range(1, 5):
        for chosen in map(list, combinations(range(4), number)):
            found = np.linalg.lstsq(relative[:, chosen], ones, rcond=None)[0]
            error = float(((relative[:, chosen] @ found - 1) ** 2).sum())
            if (found >= 0).all() and error < least - 1e-12:
                best, least = np.zeros(4), error
                best[chosen] = found
    return best
