"""Warnings that point at the user's own line, however deep in the package they are found."""

import inspect
import warnings

_NOT_THE_USERS = ("keras_switcher", "keras")


def warn_user(message: str) -> None:
    """Warns at the innermost line on the way here that is neither this package's nor Keras's.

    A fixed number of frames would be right for one way and wrong for the others: `export` calls
    `compact`, and Keras wraps methods of its models in functions of its own.

    Args:
        message: What the warning says.
    """
    frame, level = inspect.currentframe(), 1
    while frame and frame.f_globals.get("__name__", "").split(".")[0] in _NOT_THE_USERS:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)
