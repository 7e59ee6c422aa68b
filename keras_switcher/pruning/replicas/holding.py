"""Tells whether an object holds layers or variables, which copies must not share."""

import asyncio
import gc
import io
import logging
import threading
import types
import weakref
from collections.abc import Iterable
from typing import Any

import keras

from keras_switcher.graph.reachable_variables import codes_of, globals_read, held_by_function
from keras_switcher.graph.sublayers import with_sublayers

# What Keras itself copies by its configuration alone: layers, operations, metrics, losses.
# Private: this class of theirs has no public name.
KERAS_SAVEABLE = keras.Operation.__base__
# What leads elsewhere: there is much behind it that is nothing of the layer's.
_ELSEWHERE = (
    *(type, types.ModuleType, types.FrameType, weakref.ref, keras.KerasTensor),
    *(io.IOBase, logging.Filterer, threading.Thread, asyncio.AbstractEventLoop),
    keras.optimizers.Optimizer,
)


def holds_state(value: Any, holders: Iterable[keras.Operation] = ()) -> bool:
    """Whether a value is a layer or variable, or holds some, however deep.

    Args:
        value: Anything.
        holders: The layers that hold the value. Models around them are not held by them.
    """
    # The values themselves are kept: an id is only good while what it belongs to lives.
    seen, left = {}, [value]
    while left:
        each = left.pop()
        if id(each) in seen or isinstance(each, _ELSEWHERE) or is_around(each, holders):
            continue
        if is_state(each):
            return True
        seen[id(each)] = each
        left += _held_by(each)
    return False


def is_state(value: Any) -> bool:
    """Whether a value is a layer, or a variable of Keras or of its backend, or the handle of one.

    Args:
        value: Anything.
    """
    if isinstance(value, type):
        return False
    # Less than `is_variable` asks: what is no variable but can be assigned to is state, too.
    if isinstance(value, KERAS_SAVEABLE) or hasattr(type(value), "assign"):
        return True
    # Private, of TensorFlow: traced functions know variables by handles, and a handle does not say
    # otherwise whether it leads to one.
    return hasattr(type(value), "_handle_data") and value._handle_data is not None


def is_around(value: Any, ops: Iterable[keras.Operation]) -> bool:
    """Whether a value is a model around some layers.

    A function or an object of theirs may lead back to it: to the network, say, that an object
    trains in which the function was written.

    Args:
        value: Anything.
        ops: The layers or operations.
    """
    if not isinstance(value, keras.Model) or not ops:
        return False
    parts = [*with_sublayers(value)[1:], *getattr(value, "operations", ())]
    return {id(op) for op in ops} <= {id(part) for part in parts}


def globals_of(function: types.FunctionType) -> dict[str, object]:
    """The layers and variables that a function finds in its module, by name.

    Args:
        function: The function.
    """
    return {
        name: value
        for code in codes_of(function)
        for name, value in globals_read(code, function.__globals__).items()
        if is_state(value)
    }


def _held_by(value: Any) -> list:
    """What Python's garbage collector would visit next; of a function's module what it uses."""
    if not isinstance(value, types.FunctionType):
        return gc.get_referents(value)
    return [*held_by_function(value), *globals_of(value).values()]
