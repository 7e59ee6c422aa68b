"""Sharing: decides what a deep copy shares with its original (locks, files, threads, modules)."""

import asyncio
import copyreg
import inspect
import pickle
import threading
import types
import weakref
from typing import Any

import keras

from keras_switcher.pruning.replicas.holding import holds_state, is_around, is_state

# Stands for a module. Private: Keras has no public name for the class.
_BACKEND = type(keras.layers.Normalization(name="empty", dtype="float32").backend)
# What may be shared without a word on what holds it.
_NAMED = (type, types.ModuleType, _BACKEND, keras.KerasTensor, inspect.Signature, weakref.ref)
# What Python would copy, although others wait at it or rely on it: all that is bound to an
# event loop, and what cleans up.
_UNIQUE: tuple = (asyncio.Queue.__base__, weakref.finalize)
CONTAINERS = (list, tuple, set, frozenset, dict)
VALUES = (type(None), bool, int, float, complex, str, bytes, bytearray, pickle.PickleBuffer)


class Sharing:
    """Decides what a copy shares with its original, and what is copied part by part.

    Python itself refuses to copy what belongs to the process: locks, threads, sockets, open
    files. That is shared, and so is, as one whole, an object that has such a thing among its
    attributes, and an object with a `__del__`. A queue that shared its locks but not its items
    would hang; two owners of one file would close it twice. And what guards itself with a lock is
    made to be used from several sides. Layers and variables are never shared, and neither is what
    holds them: of that, each part is decided by itself.

    Args:
        ops: The layers. A model around them that they lead back to is not copied.
    """

    def __init__(self, ops: list[keras.Operation]) -> None:
        self._ops = ops
        self._known: dict[int, tuple] = {}

    def is_shared(self, value: Any) -> bool:
        """Whether a value is shared as it is.

        Args:
            value: Anything.

        Raises:
            TypeError: If what holds layers or variables cannot be copied.
        """
        if isinstance(value, _NAMED) or is_around(value, self._ops):
            return True
        if isinstance(value, types.FunctionType):
            return not holds_state(value, self._ops)
        return not is_state(value) and not isinstance(self.taken_apart(value), tuple)

    def taken_apart(self, value: Any) -> tuple | str | None:
        """The parts that pickle takes an object apart into; a name or None if it is shared.

        Args:
            value: An object that is neither a layer nor a variable nor a function.

        Raises:
            TypeError: If what holds layers or variables cannot be copied.
        """
        if id(value) not in self._known:
            reduced = _reduced(value)
            # Also ends the search where objects hold each other.
            self._known[id(value)] = value, reduced
            is_unique = self._is_unique(value, reduced)
            if (is_unique or isinstance(reduced, str)) and holds_state(value, self._ops):
                if not isinstance(reduced, tuple) or _waits(reduced):
                    kind = type(value).__name__
                    raise TypeError(f"What holds layers or variables is not shared: a {kind}.")
            elif is_unique:
                self._known[id(value)] = value, None
        return self._known[id(value)][1]

    def _is_unique(self, value: Any, reduced: tuple | str | None) -> bool:
        if isinstance(reduced, str):  # The name of what is found again, not copied.
            return False
        if reduced is None or isinstance(value, _UNIQUE):
            return True
        # One that is written in C, as that of a buffer in memory, only frees what is its own.
        if isinstance(getattr(type(value), "__del__", None), types.FunctionType):
            return True
        return any(self._belongs_to_process(part) for part in _parts(reduced))

    def _belongs_to_process(self, value: Any) -> bool:
        if isinstance(value, (*_NAMED, *VALUES, types.FunctionType)) or is_state(value):
            return False
        return self.taken_apart(value) is None


def _reduced(value: Any) -> tuple | str | None:
    """The parts that pickle takes an object apart into, or None if the object refuses."""
    try:
        # What TensorFlow has traced computes with the variables that it met: a copy traces anew.
        # Private: nothing else tells of the options that a function was compiled with.
        if hasattr(value, "python_function") and hasattr(value, "_clone"):
            value = value._clone(None)
        reduce = copyreg.dispatch_table.get(type(value))
        return reduce(value) if reduce else value.__reduce_ex__(5)
    # Each type refuses in words and types of its own.
    except Exception:
        return None


def _waits(reduced: tuple) -> bool:
    """Whether threads wait for an object to change: those that wait for a copy would not wake."""
    return any(isinstance(part, threading.Condition) for part in _parts(reduced))


def _parts(reduced: tuple) -> list:
    """The attributes of an object and the arguments that it is made with, also in containers."""
    seen, left, parts = {}, list(reduced[1:3]), []
    while left:
        each = left.pop()
        if type(each) not in CONTAINERS:
            parts.append(each)
        elif id(each) not in seen:
            seen[id(each)] = each
            left += each.values() if isinstance(each, dict) else each
    return parts
