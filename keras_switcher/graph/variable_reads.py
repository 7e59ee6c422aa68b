"""Variable reads: finds the variables that a user's function reads."""

from collections.abc import Callable
from typing import Any

import keras

from keras_switcher.graph.reachable_variables import backend_variable


class _Traced(keras.Operation):
    """Runs a function on symbolic tensors and notes what its graph holds of the world outside."""

    def __init__(self, function: Callable) -> None:
        super().__init__()
        self._function = function
        self.captures: list | None = None

    def call(self, *args: Any, **kwargs: Any) -> Any:
        made = self._function(*args, **kwargs)
        graphs = (getattr(x, "graph", None) for x in keras.tree.flatten((args, kwargs)))
        graph = next((graph for graph in graphs if graph is not None), None)
        captures = getattr(graph, "external_captures", None)
        if captures is not None:
            self.captures = list(captures)
        return made


def captured_handles(function: Callable, *args: Any, **kwargs: Any) -> list | None:
    """The handles of the variables that a function reads or changes, where a graph tells.

    A function that TensorFlow has compiled runs its Python once per shape: later, no scope of
    Keras sees what it reads. Its graph holds the variables, whenever it was made.

    Args:
        function: The function. It is not run but traced: no variable changes.
        *args: Its arguments, with symbolic tensors among them.
        **kwargs: Those by name.

    Returns:
        The handles; None where the backend has no graphs, or the function cannot be traced.

    Example:

    >>> kernel = keras.Variable([1.0, 2.0])
    >>> handles = captured_handles(lambda x: x * kernel[0], keras.KerasTensor((None, 3)))
    >>> [handle is kernel.value.handle for handle in handles]
    [True]
    """
    traced = _Traced(function)
    try:
        traced.compute_output_spec(*args, **kwargs)
    except Exception:  # The user's code may raise anything; whether it is wrong, the probe tells.
        return None
    if traced.captures is None:
        return None
    return [x for x in traced.captures if getattr(x, "dtype", None) == "resource"]


def is_among(handles: list | None, variable: Any) -> bool | None:
    """Whether one of some handles is that of a variable; None where that is not known."""
    try:
        handle = backend_variable(variable).handle
    except (AttributeError, ValueError):  # Of another backend, or with a copy on each device.
        return None
    return None if handles is None else any(handle is each for each in handles)


def reads_more_than_numbers(handles: list | None) -> bool:
    """Whether one of some handles is that of a variable with a shape; tables have no such thing."""
    held = [getattr(handle, "_handle_data", None) for handle in handles or ()]
    return any(each.shape_and_type[0].shape.dim for each in held if each is not None)
