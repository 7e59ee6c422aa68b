"""Deep copies of layers with their state, by pickling."""

import io
import pickle
import types
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import keras

from keras_switcher.graph.reachable_variables import cells_of, is_empty
from keras_switcher.pruning.replicas.holding import KERAS_SAVEABLE, globals_of, is_state
from keras_switcher.pruning.replicas.sharing import CONTAINERS, VALUES, Sharing

# Private: by a tracker alone a layer finds its variables, and a copy has to find its own.
# With a name and a precision of its own: those of others do not depend on it.
_TRACKER = vars(keras.layers.Layer(name="empty", dtype="float32"))["_tracker"]
# The lists, dicts and sets that Keras makes of those that layers hold, with what they are.
_TRACKED = {type(_TRACKER.track(kind())): kind for kind in (list, dict, set, OrderedDict)}
_FILLED_BY: dict[type, Callable] = {list: list.extend, dict: dict.update, set: set.update}
_COPIED = {*_TRACKED, type(_TRACKER), *CONTAINERS, *VALUES}


def copied_whole(ops: list[keras.Operation]) -> dict[int, keras.Operation]:
    """Deep copies of layers, with all that they hold in their present state.

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


class _Shared:
    """Marks a value that a copy shares, although others of its type are copied."""

    def __init__(self, value: Any) -> None:
        self.value = value


class _Pickler(pickle.Pickler):
    """Pickles layers with all that they hold.

    The module `copy` would ask Keras's objects, which save themselves to a file in memory: that
    holds no more than their configurations do.

    Args:
        stream: What it writes to.
        ops: The layers.

    Attributes:
        shared: What the copies share with the layers.
        trackers: By which layers know their variables.
    """

    def __init__(self, stream: io.BytesIO, ops: list[keras.Operation]) -> None:
        super().__init__(stream, protocol=5)
        self.shared: list = []
        self.trackers: list = []
        self._sharing = Sharing(ops)

    def persistent_id(self, value: Any) -> int | None:
        if type(value) in _COPIED:
            return None
        if not isinstance(value, _Shared) and not self._sharing.is_shared(value):
            return None
        self.shared.append(value)
        return len(self.shared) - 1

    def reducer_override(self, value: Any) -> Any:
        kind = type(value)
        if isinstance(value, types.FunctionType):
            return _function, (_Shared(value),), _contents(value), None, None, _fill_function
        if kind in _TRACKED:
            content = _TRACKED[kind](value), value.tracker
            return kind, (), content, None, None, _fill_container
        if isinstance(value, keras.Model) and hasattr(kind, "operations"):
            inner = [(_Shared(op), op) for op in value.operations]
            return _cloned, (_Shared(value), inner)
        if isinstance(value, KERAS_SAVEABLE):
            return _empty, (kind,), _state(value)
        if kind is type(_TRACKER):
            self.trackers.append(value)
        if kind in _COPIED or is_state(value):
            return NotImplemented
        return self._sharing.taken_apart(value)


class _Unpickler(pickle.Unpickler):
    """Unpickles copies: what they share is the very same object.

    Args:
        stream: What a `_Pickler` wrote.
        shared: Its list.
    """

    def __init__(self, stream: io.BytesIO, shared: list) -> None:
        super().__init__(stream)
        self._shared = shared

    def persistent_load(self, pid: int) -> Any:
        return self._shared[pid]


def _copies(ops: list[keras.Operation]) -> list[keras.Operation] | None:
    """Copies of layers, or None if one of them cannot be copied."""
    stream = io.BytesIO()
    pickler = _Pickler(stream, ops)
    try:
        pickler.dump([ops, pickler.trackers])
        stream.seek(0)
        copies, trackers = _Unpickler(stream, pickler.shared).load()
    # What layers hold refuses in words and types of its own: generators, tables of a device.
    except Exception:
        return None
    for tracker in trackers:
        for name, (_, store) in tracker.config.items():
            tracker.stored_ids[name] = set(map(id, store))
    return copies


def _state(value: Any) -> dict[str, Any]:
    """The attributes of a layer, without those that bind it to its graph or to itself."""
    # Private: no public name leads to a layer's nodes and losses. Methods that Keras has wrapped
    # are attributes, too.
    state = {k: v for k, v in vars(value).items() if k not in ("build", "quantize")}
    if isinstance(value, keras.Operation):
        state.update(_inbound_nodes=[], _outbound_nodes=[])
    if isinstance(value, keras.layers.Layer):
        state.update(_losses=[], _loss_ids=set())
    if isinstance(value, keras.Model):
        state.update(train_function=None, test_function=None, predict_function=None)
    return state


def _empty(kind: type) -> Any:
    for base in (keras.layers.Layer, keras.Operation):
        if issubclass(kind, base):
            return base.__new__(kind)
    return object.__new__(kind)


def _cloned(model: _Shared, inner: list[tuple[_Shared, keras.Operation]]) -> keras.Model:
    """A Functional model: its graph is made anew around copies of its layers."""
    copies = {id(held.value): copy for held, copy in inner}
    clone = keras.models.clone_model(model.value, clone_function=lambda op: copies[id(op)])
    # Private: through `trainable` it would be set on all layers in it.
    vars(clone)["_trainable"] = vars(model.value)["_trainable"]
    if type(clone) is not type(model.value):
        raise TypeError(f"'{clone.name}' is no plain Functional model.")
    return clone


def _fill_container(container: Any, content: tuple) -> None:
    values, tracker = content
    container.tracker = None
    for kind, add in _FILLED_BY.items():
        if isinstance(container, kind):
            add(container, values)
    container.tracker = tracker


def _function(function: _Shared) -> types.FunctionType:
    old = function.value
    cells = tuple(types.CellType() for _ in cells_of(old))
    new = types.FunctionType(old.__code__, dict(old.__globals__), old.__name__, None, cells)
    new.__qualname__, new.__module__ = old.__qualname__, old.__module__
    return new


def _contents(function: types.FunctionType) -> tuple:
    """What a function holds: what it encloses, its defaults, and layers of its module."""
    cells = [_Shared(cell) if is_empty(cell) else cell.cell_contents for cell in cells_of(function)]
    defaults = function.__defaults__, function.__kwdefaults__
    return cells, *defaults, function.__dict__, globals_of(function)


def _fill_function(function: types.FunctionType, contents: tuple) -> None:
    cells, function.__defaults__, function.__kwdefaults__, function.__dict__, known = contents
    for cell, value in zip(cells_of(function), cells, strict=True):
        if not isinstance(value, _Shared):
            cell.cell_contents = value
    function.__globals__.update(known)
