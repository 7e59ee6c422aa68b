"""Hidden values: a truth value that layers hand on, and that notes whether code looks at it.

Code that hands `training` on, and never looks at it, does the same in training as in inference.
"""

import dis
import inspect
import types
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import Any

import keras
from keras import layers

from keras_switcher.graph.call import is_stock
from keras_switcher.graph.reachable_variables import (
    codes_of,
    globals_read,
    held_by_function,
    is_of_library,
)


class HiddenValue:
    """A truth value that notes whether it is looked at.

    Args:
        value: The value.

    Attributes:
        value: The value, for who may look at it.
        is_seen: Whether any code has looked at it.

    Example:

    >>> hidden = HiddenValue(False)
    >>> handed_on = {"training": hidden}
    >>> hidden.is_seen, bool(hidden or handed_on), hidden.is_seen
    (False, True, True)
    """

    def __init__(self, value: bool) -> None:
        self.value = value
        self.is_seen = False


def _seen(name: str) -> Callable:
    def method(hidden: HiddenValue, *others: Any) -> Any:
        hidden.is_seen = True
        return getattr(hidden.value, name)(*others)

    return method


# All that Python does to a value but to hand it on, or to ask which object it is.
_LOOKS = (
    *("bool", "int", "float", "complex", "index", "hash", "repr", "str", "format", "reduce_ex"),
    *("eq", "ne", "lt", "le", "gt", "ge", "neg", "pos", "abs", "invert", "and", "or", "xor"),
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "rand", "ror", "rxor"),
    *("radd", "rsub", "rmul", "rtruediv", "rfloordiv", "rmod", "rpow"),
)
for _look in _LOOKS:
    setattr(HiddenValue, f"__{_look}__", _seen(f"__{_look}__"))


def may_be_hidden_from(layer: layers.Layer, is_opened: bool) -> bool:
    """Whether a layer may be called with a `training` that is hidden.

    Args:
        layer: The layer.
        is_opened: Whether it is made of layers that are called, too.
    """
    if "training" not in inspect.signature(layer.call).parameters:
        return True
    is_known = isinstance(layer, keras.Model) and is_stock(layer)  # It calls all in it with it.
    return is_known or (is_opened and not _may_tell_truth_values(layer))


def _may_tell_truth_values(layer: layers.Layer) -> bool:
    """Whether call() may ask whether something is `True`, `False` or a `bool` at all.

    A value that is hidden cannot note that.
    """
    kind: Any = type(layer)  # mypy takes no class for one that can be a key.
    functions = [x for x in vars(layer).values() if isinstance(x, _FUNCTIONS)]
    return _class_tells(kind) or any(map(_tells, _codes((), functions)))


_FUNCTIONS = (types.FunctionType, types.MethodType, partial)


@cache
def _class_tells(kind: type) -> bool:
    classes = [each for each in kind.__mro__ if not is_of_library(each.__module__)]
    calls = [vars(each).get("call") for each in classes]
    return any(map(_tells, _codes(classes, calls)))


def _codes(classes: Sequence[type], functions: list) -> Iterator[types.CodeType]:
    """The code of functions, and that of others and of methods that they name."""
    waiting = [*functions]
    seen: set[int] = set()
    while waiting:
        x = waiting.pop()
        x = getattr(x, "__func__", getattr(x, "fget", getattr(x, "func", x)))
        if not isinstance(x, types.FunctionType) or id(x) in seen:
            continue
        seen.add(id(x))
        waiting += held_by_function(x)  # What it was made of, if it is decorated.
        if is_of_library(x.__globals__.get("__name__")):
            continue
        for code in codes_of(x):
            yield code
            named = list(globals_read(code, x.__globals__).values())
            holders = [*classes, *(each for each in named if isinstance(each, types.ModuleType))]
            waiting += named
            waiting += [vars(each)[n] for each in holders for n in code.co_names if n in vars(each)]


@cache
def _tells(code: types.CodeType) -> bool:
    steps = list(dis.get_instructions(code)) if "bool" not in code.co_names else []
    places = [place for place, step in enumerate(steps) if step.opname == "IS_OP"]
    compared = [step.argval for place in places for step in steps[max(place - 2, 0) : place]]
    return not steps or any(x is True or x is False for x in compared)
