"""Finds every variable that a Python object can reach: attributes, closures, globals."""

import dis
import functools
import sys
import types
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import keras
import numpy as np

# What these define leads to no variables of a user, except where it is a layer or a container.
_BACKENDS = {"keras", "tensorflow", "jax", "jaxlib", "torch", "numpy"}
# The functions of these name no variables; but a SimpleNamespace, say, may hold some.
_LIBRARIES = (_BACKENDS | sys.stdlib_module_names) - {"__main__"}
_PLAIN = (str, bytes, int, float, complex, type(None), types.BuiltinFunctionType)
# Initializers and optimizers hold variables that no call reads; tensors lead to other layers.
_NEVER_READ = (keras.KerasTensor, keras.initializers.Initializer, keras.optimizers.Optimizer)


def identity(variable: Any) -> int:
    """A number that a Keras variable shares with the variable of the backend that it stands for."""
    value = backend_variable(variable)
    return id(variable if value is None else value)


def backend_variable(variable: Any) -> Any:
    """The backend's variable behind a variable of Keras; any other one is that itself."""
    # Private: `value` is a tensor, and within a scope not even the variable's own.
    return variable._value if isinstance(variable, keras.Variable) else variable


def reachable_variables(*roots: Any) -> list:
    """All variables that code with these objects in its hands can read.

    Followed are attributes, containers, partial functions, bound methods, what functions close
    over, their defaults and the globals that they name, and the methods of classes that are not a
    library's own. Not followed are tensors, which lead to the whole graph, and constructors of
    classes (`from_config`), which no call() uses.

    Args:
        roots: Layers, operations, functions or anything else.

    Returns:
        Variables of Keras and of the backend, each object once.

    Example:

    >>> dense = keras.layers.Dense(2)
    >>> dense.build((None, 3))
    >>> [variable.name for variable in reachable_variables(lambda x: x @ dense.kernel)]
    ['bias', 'kernel']
    """
    found, seen, waiting = [], {}, list(roots)
    while waiting:
        x = waiting.pop()
        if isinstance(x, _PLAIN) or id(x) in seen:
            continue
        seen[id(x)] = x  # An id is only good while its object lives.
        if is_variable(x):
            found.append(x)
        elif not isinstance(x, _NEVER_READ):
            waiting.extend([part for part in _next_to(x) if type(part) not in _PLAIN])
    return found


def is_variable(x: Any) -> bool:
    """Whether `x` is a variable, of Keras or of the backend (not imported: told by its methods)."""
    kind = type(x)
    return isinstance(x, keras.Variable) or (
        hasattr(kind, "assign") and hasattr(kind, "read_value") and hasattr(kind, "shape")
    )


def cells_of(function: types.FunctionType) -> tuple[types.CellType, ...]:
    """The variables that a function encloses.

    Args:
        function: The function.
    """
    return function.__closure__ or ()


def is_empty(cell: types.CellType) -> bool:
    """Whether a variable that a function encloses has no value yet.

    Args:
        cell: See `cells_of`.
    """
    try:
        return cell.cell_contents is cell
    except ValueError:
        return True


def held_by_function(function: types.FunctionType) -> list:
    """What a function holds itself: what it encloses, its defaults and its attributes.

    Args:
        function: The function.
    """
    enclosed = [cell.cell_contents for cell in cells_of(function) if not is_empty(cell)]
    return [function.__defaults__, function.__kwdefaults__, function.__dict__, *enclosed]


def codes_of(function: types.FunctionType) -> Iterator[types.CodeType]:
    """The code of a function, and that of the functions and classes within it.

    Args:
        function: The function.
    """
    codes = [function.__code__]
    while codes:
        code = codes.pop()
        yield code
        codes += [part for part in code.co_consts if isinstance(part, types.CodeType)]


def globals_read(code: types.CodeType, names: dict[str, Any]) -> dict[str, Any]:
    """The globals that code reads, by name.

    Args:
        code: See `codes_of`.
        names: The globals of its function.
    """
    if names.keys().isdisjoint(code.co_names):
        return {}
    return {name: names[name] for name in _globals_named(code) if name in names}


@functools.lru_cache(maxsize=2**16)
def _globals_named(code: types.CodeType) -> tuple[str, ...]:
    """The names of the globals that code reads, each once."""
    steps = dis.get_instructions(code)
    named = [x.argval for x in steps if x.opname in ("LOAD_GLOBAL", "LOAD_NAME")]
    return tuple(dict.fromkeys(named))


def is_of_library(module: object) -> bool:
    """Whether a module is Keras's, a backend's or Python's own.

    Args:
        module: Its name.
    """
    return _top(module) in _LIBRARIES


def _next_to(x: Any) -> Iterable:
    """What code can reach from an object in one step."""
    # What an object is depends on both: a proxy says that it is of another class.
    key = type(x), x.__class__
    if key not in _FOLLOWERS:
        _FOLLOWERS[key] = _follower(x)
    return _FOLLOWERS[key](x)


# By a type and what its objects say they are: telling takes longer than following.
_FOLLOWERS: dict[tuple[type, type], Callable[[Any], Iterable]] = {}


def _follower(x: Any) -> Callable[[Any], Iterable]:
    """The function that follows objects like this one."""
    if isinstance(x, Mapping):
        return lambda x: (*x.keys(), *x.values())
    if isinstance(x, np.ndarray):
        return lambda x: x.flat if x.dtype == object else ()
    if isinstance(x, (list, tuple, set, frozenset)) or (
        isinstance(x, Iterable) and type(x).__module__ == "collections"
    ):
        return lambda x: x
    if isinstance(x, (functools.partial, functools.partialmethod)):
        return lambda x: (x.func, x.args, x.keywords)
    if isinstance(x, (types.MethodType, staticmethod, classmethod)):
        return lambda x: (x.__func__, getattr(x, "__self__", None))
    if isinstance(x, property):
        return lambda x: (x.fget, x.fset)
    if isinstance(x, functools.cached_property):
        return lambda x: (x.func,)
    if isinstance(x, weakref.ref):
        return lambda x: (x(),)
    if isinstance(x, types.FunctionType):
        return _named_by
    if isinstance(x, type):
        return _defined_by
    return (lambda x: ()) if isinstance(x, types.ModuleType) else _held_by


def _defined_by(kind: type) -> list:
    """What a class that is not a library's own defines, but for its constructors."""
    if is_of_library(kind.__module__):
        return []
    # A `from_preset()`, say, names whatever downloads files: half of a library, and no call() it.
    return [
        value
        for name, value in vars(kind).items()
        if not (isinstance(value, classmethod) and name.startswith("from_"))
    ]


def _named_by(function: types.FunctionType) -> Iterator:
    """What a function closes over, its defaults, and the globals that it names."""
    yield from held_by_function(function)
    # Not the function's own __module__: functools.wraps copies that of another.
    if is_of_library(function.__globals__.get("__name__")):
        return
    for code in codes_of(function):
        for value in globals_read(code, function.__globals__).values():
            yield value
            is_module = isinstance(value, types.ModuleType)
            if is_module and not is_of_library(value.__name__):
                yield from (vars(value)[name] for name in code.co_names if name in vars(value))


def _held_by(x: Any) -> Iterator:
    """The attributes of an object, and those of its class."""
    held = getattr(x, "__dict__", {})
    holds = isinstance(x, keras.Operation) or hasattr(type(x), "submodules")
    if not holds and _top(type(x).__module__) in _BACKENDS:
        yield held.get("__wrapped__")  # A function that was compiled.
        return
    yield from held.values()
    if isinstance(x, keras.layers.Layer):
        yield from x.variables  # Seeds too.
    for kind in type(x).__mro__:
        if not is_of_library(kind.__module__):
            yield kind
            slots = kind.__dict__.get("__slots__", ())
            for name in [slots] if isinstance(slots, str) else slots:
                yield getattr(x, name, None)


def _top(module: object) -> str:
    """The package of a module."""
    return str(module).split(".")[0]
