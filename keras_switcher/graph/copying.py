"""Copies layers whole: what no configuration describes comes along."""

import functools
import inspect
import io
import pickle
import threading
import types
import weakref
from collections import OrderedDict

import keras

_TRACKER = vars(keras.layers.Layer())["_tracker"]
# The lists, dicts and sets that Keras makes of those that layers hold, with what they are.
_TRACKED = {type(_TRACKER.track(kind())): kind for kind in (list, dict, set, OrderedDict)}
# What Keras itself copies by its configuration alone: layers, operations, metrics, losses.
_SAVED = keras.Operation.__base__
_BACKEND = type(keras.layers.Normalization().backend)  # Stands for a module.
_SHARED = (
    *(type, types.ModuleType, types.BuiltinFunctionType, _BACKEND, keras.KerasTensor),
    *(inspect.Signature, weakref.ref),
    # What guards something, or leads out of the process: both sides may go on using it.
    *(type(threading.Lock()), type(threading.RLock()), threading.Condition, threading.Event),
    *(threading.Semaphore, threading.Thread, io.TextIOWrapper, io.BufferedWriter, io.FileIO),
)


def copied_whole(ops: list[keras.Operation]) -> dict[int, keras.Operation]:
    """Copies of layers with all that they hold, as they are now.

    What several of them share, their copies share. A function stays the same function, unless
    it holds layers or variables: then its copy holds their copies. The copies belong to no graph.

    Args:
        ops: The layers or operations.

    Returns:
        The copies by `id` of what they are copies of; without those that cannot be copied.

    Example:

    >>> layer = keras.layers.Dense(2, name="head")
    >>> layer.build((None, 3))
    >>> copy = copied_whole([layer])[id(layer)]
    >>> bool((copy.kernel.numpy() == layer.kernel.numpy()).all()), copy.kernel is layer.kernel
    (True, False)
    """
    copies = _copies(ops)
    if copies is None:
        ops = [op for op in ops if _copies([op]) is not None]
        copies = _copies(ops) or []
    return dict(zip(map(id, ops), copies, strict=False))


def holds_state(value) -> bool:
    """Whether a value is a layer or variable, or a function or structure that holds some.

    Args:
        value: Anything.
    """
    return _holds_state(value, set())


class _Held:
    """What a copy shares, although all else of its kind is copied."""

    def __init__(self, value):
        self.value = value


class _Writer(pickle.Pickler):
    """Takes layers apart.

    The module `copy` would ask Keras's objects, which save themselves to a file in memory: that
    holds no more than their configurations do.

    Args:
        stream: What it writes to.

    Attributes:
        shared: What the copies share with the layers.
        trackers: By which layers know their variables.
    """

    def __init__(self, stream):
        super().__init__(stream, protocol=5)
        self.shared, self.trackers = [], []

    def persistent_id(self, value):
        is_shared = isinstance(value, (*_SHARED, _Held))
        if not is_shared:
            is_shared = isinstance(value, types.FunctionType) and not holds_state(value)
        if not is_shared:
            return None
        self.shared.append(value)
        return len(self.shared) - 1

    def reducer_override(self, value):
        kind = type(value)
        if isinstance(value, types.FunctionType):
            return _function, (_Held(value),), _contents(value), None, None, _fill_function
        if kind in _TRACKED:
            content = _TRACKED[kind](value), value.tracker
            return kind, (), content, None, None, _fill_container
        if isinstance(value, keras.Model) and hasattr(kind, "operations"):
            inner = [(_Held(op), op) for op in value.operations]
            return _cloned, (_Held(value), inner)
        if isinstance(value, _SAVED):
            return _empty, (kind,), _state(value)
        if kind is type(_TRACKER):
            self.trackers.append(value)
        return NotImplemented


class _Reader(pickle.Unpickler):
    """Puts copies together.

    Args:
        stream: What a `_Writer` has written.
        shared: Its list.
    """

    def __init__(self, stream, shared):
        super().__init__(stream)
        self._shared = shared

    def persistent_load(self, pid):
        return self._shared[pid]


def _copies(ops):
    """Copies of layers, or None if one of them cannot be copied."""
    stream = io.BytesIO()
    writer = _Writer(stream)
    try:
        writer.dump([ops, writer.trackers])
        stream.seek(0)
        copies, trackers = _Reader(stream, writer.shared).load()
    # What layers hold refuses in words and types of its own: generators, tables of a device.
    except Exception:
        return None
    for tracker in trackers:
        for name, (_, store) in tracker.config.items():
            tracker.stored_ids[name] = set(map(id, store))
    return copies


def _state(value):
    """The attributes of a layer, without those that bind it to its graph or to itself."""
    state = {k: v for k, v in vars(value).items() if k not in ("build", "quantize")}
    if isinstance(value, keras.Operation):
        state.update(_inbound_nodes=[], _outbound_nodes=[])
    if isinstance(value, keras.layers.Layer):
        state.update(_losses=[], _loss_ids=set())
    if isinstance(value, keras.Model):
        state.update(train_function=None, test_function=None, predict_function=None)
    return state


def _empty(kind):
    for base in (keras.layers.Layer, keras.Operation):
        if issubclass(kind, base):
            return base.__new__(kind)
    return object.__new__(kind)


def _cloned(model, inner):
    """A Functional model: its graph is made anew around copies of its layers."""
    copies = {id(held.value): copy for held, copy in inner}
    clone = keras.models.clone_model(model.value, clone_function=lambda op: copies[id(op)])
    vars(clone)["_trainable"] = vars(model.value)["_trainable"]
    if type(clone) is not type(model.value):
        raise TypeError(f"'{clone.name}' is no plain Functional model.")
    return clone


def _fill_container(container, content):
    values, tracker = content
    container.tracker = None
    for kind, add in ((list, list.extend), (dict, dict.update), (set, set.update)):
        if isinstance(container, kind):
            add(container, values)
    container.tracker = tracker


def _function(function):
    old = function.value
    cells = tuple(types.CellType() for _ in old.__closure__ or ())
    new = types.FunctionType(old.__code__, dict(old.__globals__), old.__name__, None, cells)
    new.__qualname__, new.__module__ = old.__qualname__, old.__module__
    return new


def _contents(function):
    """What a function holds: what it encloses, its defaults, and layers of its module."""
    cells = [_Held(cell) if _is_empty(cell) else cell.cell_contents for cell in _cells(function)]
    return cells, function.__defaults__, function.__kwdefaults__, _globals(function)


def _fill_function(function, contents):
    cells, function.__defaults__, function.__kwdefaults__, known = contents
    for cell, value in zip(_cells(function), cells, strict=True):
        if not isinstance(value, _Held):
            cell.cell_contents = value
    function.__globals__.update(known)


def _cells(function):
    return function.__closure__ or ()


def _is_empty(cell):
    try:
        return cell.cell_contents is cell
    except ValueError:
        return True


def _globals(function):
    """The layers and variables that a function finds in its module."""
    names, codes = set(), [function.__code__]
    while codes:
        code = codes.pop()
        names.update(code.co_names)
        codes += [part for part in code.co_consts if isinstance(part, types.CodeType)]
    found = {name: function.__globals__.get(name) for name in names}
    return {name: value for name, value in found.items() if _is_state(value)}


def _is_state(value):
    """Whether something is a layer, or a variable of Keras or of its backend."""
    if isinstance(value, type):
        return False
    return isinstance(value, _SAVED) or hasattr(type(value), "assign")


def _holds_state(value, seen):
    if id(value) in seen:
        return False
    seen.add(id(value))
    if _is_state(value):
        return True
    if isinstance(value, types.FunctionType):
        cells = [cell.cell_contents for cell in _cells(value) if not _is_empty(cell)]
        kept = [cells, value.__defaults__, value.__kwdefaults__, _globals(value)]
    elif isinstance(value, types.MethodType):
        kept = [value.__self__]
    elif isinstance(value, functools.partial):
        kept = [value.func, value.args, value.keywords]
    elif isinstance(value, dict):
        kept = value.values()
    else:
        kept = value if isinstance(value, (list, tuple, set, frozenset)) else ()
    return any(_holds_state(each, seen) for each in kept)
