"""Compared weights: random values of the variables that compared layers hold themselves."""

from typing import Any

import keras
import numpy as np
from keras import layers


def held_by(op: layers.Layer, left_out: dict[int, Any]) -> list[layers.Layer]:
    """A layer and those in it, however deep; not those left out, nor what only these hold.

    Args:
        op: The layer.
        left_out: The layers left out, by `id`.
    """
    found = {id(op): op}
    waiting = [op]
    while waiting:
        # Private: see `with_sublayers`.
        for part in waiting.pop()._flatten_layers(include_self=False, recursive=False):
            if id(part) not in found and id(part) not in left_out:
                found[id(part)] = part
                waiting.append(part)
    return list(found.values())


def own_variables(parts: list[layers.Layer]) -> list[keras.Variable]:
    """The variables that layers hold themselves, each once.

    Args:
        parts: The layers.
    """
    found: dict[int, keras.Variable] = {}
    for part in parts:
        inner = {id(v) for each in part._flatten_layers(include_self=False) for v in each.variables}
        found |= {id(v): v for v in part.variables if id(v) not in inner}
    return list(found.values())


def moved(variables: list[keras.Variable]) -> list:
    """Pairs of variables and random values near their own.

    Where weights start at zero or one, much would look alike.

    Args:
        variables: The variables.
    """
    rng = np.random.default_rng(0)
    return [
        (variable, keras.ops.convert_to_numpy(variable) + 0.1 * rng.random(variable.shape))
        for variable in variables
        if keras.backend.is_float_dtype(variable.dtype)
    ]
