"""Side effects: undoes what a user's functions assign to variables when they are only tried."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_switcher.graph.call import is_stock
from keras_switcher.graph.reachable_variables import (
    backend_variable,
    identity,
    is_variable,
    reachable_variables,
)
from keras_switcher.graph.sublayers import with_sublayers


def backend_variables(*roots: Any) -> list:
    """The backend's variables that can be changed by code that holds these objects."""
    values = {}
    for variable in reachable_variables(*roots):
        value = backend_variable(variable)
        if is_variable(value):
            values[id(value)] = value
    return list(values.values())


def variables_of_functions(operations: Iterable) -> list:
    """The backend's variables that a user's functions within operations can change.

    Args:
        operations: Layers and operations. Their own weights are left out: in a
            `StatelessScope`, nothing changes these.
    """
    operations = list(operations)
    roots: list[Any] = []
    for op in operations:
        for part in with_sublayers(op):
            if isinstance(part, keras.layers.Lambda):
                roots += [part.function, part.arguments]
            else:
                roots.append(getattr(part, "activation", None) if is_stock(part) else part)
    found = backend_variables(*roots)
    if not found:
        return []
    own = {identity(weight) for op in operations for weight in getattr(op, "variables", ())}
    return [value for value in found if id(value) not in own]


@contextmanager
def restored(variables: list) -> Iterator[list]:
    """Restores variables when the scope ends: a user's code is only tried in it.

    Keras's `StatelessScope` keeps assignments to variables of Keras from lasting: not those to a
    `tf.Variable`, nor those in a function that was compiled outside of it.

    Args:
        variables: Variables of the backend, see `backend_variables`.

    Yields:
        A list: afterwards, the variables that were changed.
    """
    before = [variable.read_value() for variable in variables]
    changed: list[Any] = []
    try:
        yield changed
    finally:
        for variable, value in zip(variables, before, strict=True):
            now, then = map(ops.convert_to_numpy, (variable.read_value(), value))
            if not _is_same(now, then):
                variable.assign(value)
                changed.append(variable)


def _is_same(now: np.ndarray, then: np.ndarray) -> bool:
    """Whether arrays are the same, bit by bit: not-a-number, too, is the same as before."""
    if now.dtype == object or now.shape != then.shape:  # Text.
        return np.array_equal(now, then)
    return now.tobytes() == then.tobytes()
