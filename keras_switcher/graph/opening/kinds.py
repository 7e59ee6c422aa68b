"""Kinds: calls of layers that do the same, but for names, values of weights and random seeds."""

import types
from collections.abc import Hashable
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from keras.backend import standardize_dtype

from keras_switcher.graph.attributes import attributes_of
from keras_switcher.graph.call import Call, CallGraph, Closed, is_tensor
from keras_switcher.graph.sublayers import with_sublayers

# What Keras and TensorFlow keep of a layer beside what its class and its users set: names, books
# of weights and of calls. A layer's weights are told by themselves.
_BOOKS = {
    *("name", "_name", "_path", "_parent_path", "_auto_config", "_tracker", "_tracked", "_lock"),
    *("_called", "_inbound_nodes", "_outbound_nodes", "_layers", "_metrics", "_losses"),
    *("_loss_ids", "_losses_override", "_trainable_variables", "_non_trainable_variables"),
    *("_seed_generators", "_build_shapes_dict", "_call_signature", "_functional", "build"),
    *("quantize", "call_signature_parameters", "_call_context_args", "_call_has_context_arg"),
    *("_call_has_training_arg", "_call_has_mask_arg", "_parameters", "_buffers", "_torch_params"),
}
_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis))


class Kinds:
    """Numbers calls of layers by what they do.

    Two calls have one number if their layers are of one class, hold the same in all attributes,
    however deep (code and what it encloses, constants, settings, shapes of weights, whole numbers
    that are weights), are called on tensors of the same shapes, and if the same calls were recorded
    in both. Whatever is not understood counts as something else.
    """

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._of_layers: dict[int, int] = {}
        self._of_calls: dict[int, int] = {}
        self._kept: list[Any] = []  # An id is only good while its object lives.

    def of(self, call: Call) -> int:
        """The number of the kind of a call.

        Args:
            call: The call, with what is inside of it.
        """
        if id(call) not in self._of_calls:
            self._kept.append(call)
            told = _Telling(self, call.op)
            self._of_calls[id(call)] = self.number(told.call(call))
        return self._of_calls[id(call)]

    def forget_calls(self) -> None:
        """Forgets the kinds of calls: what is inside of some has changed."""
        self._of_calls.clear()

    def number(self, token: Hashable) -> int:
        """The number of something that was told."""
        return self._numbers.setdefault(token, len(self._numbers))

    def of_layer(self, op: keras.Operation) -> int:
        """The number of a layer, whatever it is called on."""
        if id(op) not in self._of_layers:
            self._kept.append(op)
            # A layer that is reached from itself is no part of what tells it apart.
            self._of_layers[id(op)] = -1
            self._of_layers[id(op)] = self.number(_Telling(self, op).operation(op))
        return self._of_layers[id(op)]

    def as_itself(self, x: Any) -> Hashable:
        """A token that only this object has."""
        self._kept.append(x)
        return "itself", id(x)


class _Telling:
    """Tells one call or layer in tokens; variables, tensors and layers have numbers in it."""

    def __init__(self, kinds: Kinds, op: keras.Operation) -> None:
        self._kinds = kinds
        self._places: dict[int, int] = {}
        self._symbols: dict[int, int] = {}
        self._open: list[int] = []
        for variable in getattr(op, "variables", ()):
            self._place(variable)
        self._held = {id(part) for part in with_sublayers(op)}

    def call(self, call: Call) -> Hashable:
        given = self._of((call.args, call.kwargs))
        self._symbols.clear()  # What is inside may read the same symbols, or others like them.
        return "call", self._kinds.of_layer(call.op), given, self._inside(call.inside)

    def operation(self, op: keras.Operation) -> Hashable:
        if isinstance(op, keras.Model) and not isinstance(op, keras.Sequential):
            return self._kinds.as_itself(op)  # What it does is in its nodes.
        held = [
            (name, self._of(value))
            for name, value in sorted(attributes_of(op).items())
            if name not in _BOOKS and not name.startswith("_self_") and name != "_modules"
        ]
        if isinstance(op, keras.Sequential):
            held += [("layers", self._of(op.layers))]
        weights = [
            (tuple(v.shape), v.dtype, v.trainable, self._place(v))
            for v in getattr(op, "variables", ())
        ]
        return "operation", self._of(type(op)), tuple(held), tuple(weights)

    def _inside(self, inside: CallGraph | Closed | None) -> Hashable:
        if not isinstance(inside, CallGraph):
            return self._of(None if inside is None else inside.reason)
        calls: list[Hashable] = [self._of(inside.inputs)]
        for call in inside.calls:
            calls += [self._made_by(call), self._of((call.args, call.kwargs, call.outputs))]
        made = self._of((inside.outputs, inside.masks, inside.unmasked))
        return "inside", tuple(calls), made, inside.returns_input

    def _made_by(self, call: Call) -> Hashable:
        if id(call.op) in self._held:  # It stands in the attributes, too.
            inner = self._kinds.of(call) if isinstance(call.inside, CallGraph) else None
            reason = call.inside.reason if isinstance(call.inside, Closed) else None
            return "held", self._place(call.op), self._kinds.of_layer(call.op), inner, reason
        return self.operation(call.op), self._inside(call.inside)

    def _place(self, x: Any) -> int:
        return self._places.setdefault(id(x), len(self._places))

    def _of(self, x: Any) -> Hashable:
        """The token of anything."""
        if isinstance(x, _PLAIN):
            return type(x).__name__, x
        if id(x) in self._open:
            return "around", len(self._open) - self._open.index(id(x))
        self._open.append(id(x))
        try:
            return self._of_object(x)
        finally:
            self._open.pop()

    def _of_object(self, x: Any) -> Hashable:
        if is_tensor(x):
            place = self._symbols.setdefault(id(x), len(self._symbols))
            return "symbol", place, tuple(x.shape), x.dtype
        if isinstance(x, keras.Variable):
            whole = () if keras.backend.is_float_dtype(x.dtype) else _content(x)
            return "variable", self._place(x), tuple(x.shape), x.dtype, x.trainable, whole
        if isinstance(x, layers.Layer):
            return "layer", self._place(x), self._kinds.of_layer(x)
        if isinstance(x, (np.ndarray, np.generic)):
            return self._kinds.as_itself(x) if x.dtype == object else ("array", *_content(x))
        if isinstance(x, (list, tuple)):
            return "list", tuple(map(self._of, x))
        if isinstance(x, dict):
            return "dict", tuple((self._of(key), self._of(value)) for key, value in x.items())
        if isinstance(x, (set, frozenset)):
            return "set", tuple(sorted(map(repr, map(self._of, x))))
        if isinstance(x, slice):
            return "slice", self._of((x.start, x.stop, x.step))
        if isinstance(x, keras.random.SeedGenerator):
            return "seeds", self._place(x)  # Each draws other numbers, and tells as much.
        if isinstance(x, keras.initializers.Initializer):
            return "initializer", id(type(x))  # No call reads it; each has a seed of its own.
        return self._of_code(x)

    def _of_code(self, x: Any) -> Hashable:
        if isinstance(x, types.FunctionType):
            cells = [_content_of_cell(cell) for cell in x.__closure__ or ()]
            held = self._of((cells, x.__defaults__, x.__kwdefaults__, vars(x)))
            return "function", id(x.__code__), id(x.__globals__), held
        if isinstance(x, types.MethodType):
            return "method", self._of(x.__func__), self._of(x.__self__)
        if isinstance(x, partial):
            return "partial", self._of(x.func), self._of(x.args), self._of(x.keywords)
        is_of_keras = type(x).__module__.split(".")[0] == "keras" and hasattr(x, "__dict__")
        if is_of_keras and not isinstance(x, (type, keras.Operation)):
            return "object", id(type(x)), self._of(dict(vars(x)))
        if isinstance(x, keras.Operation):
            return self.operation(x)
        if not isinstance(x, type) and ops.is_tensor(x):
            try:
                return "constant", *_content(x)
            # What call() kept while a graph was traced has no value, in each backend's words.
            except Exception:
                return self._kinds.as_itself(x)
        return self._kinds.as_itself(x)


def _content(x: Any) -> tuple:
    values = ops.convert_to_numpy(x)
    if values.dtype == object:  # Text.
        return "text", values.shape, repr(values.tolist())
    return standardize_dtype(x.dtype), values.shape, values.tobytes()


def _content_of_cell(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # It has no value yet.
        return None
