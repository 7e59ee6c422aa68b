"""Elementwise functions: decides whether one is, by name, by its operations, or by probing."""

import inspect
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import layers

from keras_switcher.graph.call import Call, CallGraph
from keras_switcher.graph.probing import READS_WEIGHTS, why_not_elementwise
from keras_switcher.graph.reader import Reader
from keras_switcher.graph.registry import find_rule
from keras_switcher.graph.side_effects import backend_variables, restored
from keras_switcher.graph.sublayers import with_sublayers
from keras_switcher.graph.tracing import trace
from keras_switcher.tensors import Shape

_activations = keras.activations
ELEMENTWISE = (
    *(_activations.linear, _activations.relu, _activations.relu6, _activations.leaky_relu),
    *(_activations.elu, _activations.selu, _activations.celu, _activations.gelu),
    *(_activations.silu, _activations.mish, _activations.tanh, _activations.sigmoid),
    *(_activations.softplus, _activations.softsign, _activations.exponential),
    *(_activations.hard_sigmoid, _activations.hard_silu, _activations.hard_tanh),
    *(_activations.hard_shrink, _activations.soft_shrink, _activations.tanh_shrink),
    *(_activations.log_sigmoid, _activations.sparse_plus, _activations.sparse_sigmoid),
    *(_activations.squareplus, _activations.threshold),
)


def why_mixing(call: Call, reader: Reader) -> str | None:
    """The reason why a layer's activation mixes channels, in words; None if it does not.

    Args:
        call: A call of a layer with an attribute `activation`: a function, a layer, or None.
        reader: The reader, which knows what was found of a function before.
    """
    activation = unwrapped(call.op.activation)
    why = _why(activation, call.output.shape, _type_read(call), reader.why_mixing)
    return why and f"goes through the activation {_name(activation)} of '{call.name}': {why}"


def why_mixing_function(call: Call, reader: Reader) -> str | None:
    """The reason why a Lambda's function mixes channels, in words; None if it does not.

    Args:
        call: A call of a `keras.layers.Lambda`.
        reader: The reader, which knows what was found of a function before.
    """
    function, arguments = call.op.function, call.op.arguments
    if len(call.inputs) != 1 or call.input.shape != getattr(call.output, "shape", None):
        why: str | None = "it does not make one tensor of the shape of the one that it reads"
    # Private: what was given as `output_shape` is nowhere else.
    elif callable(call.op._output_shape) and not _follows(call.op._output_shape, call.input.shape):
        why = "its `output_shape` is not that of its input where this has another one"
    elif {"mask", "training"} & set(inspect.signature(function).parameters):
        why = "what it makes depends on a mask, or on whether it is trained"
    else:
        called = partial(function, **arguments) if arguments else function
        why = _why(called, call.input.shape, _type_read(call), reader.why_mixing)
    return why and f"goes through the function {_name(function)} of '{call.name}': {why}"


def calls_user_function(op: keras.Operation) -> bool:
    """Whether a layer or operation calls a function of the user's: an activation, or a Lambda's."""
    function = getattr(op, "function" if isinstance(op, layers.Lambda) else "activation", None)
    function = unwrapped(function)
    known = isinstance(function, layers.Layer) or str(
        getattr(function, "__module__", "")
    ).startswith("keras.")
    return callable(function) and not known


def _follows(output_shape: Callable, shape: Shape) -> bool:
    """Whether a function says of narrower inputs, too, that outputs have their shape."""
    narrower = tuple(size and max(size - 1, 1) for size in shape)
    try:
        return tuple(output_shape(narrower)) == narrower
    except Exception:  # The user's code may raise anything: then it does not.
        return False


def _type_read(call: Call) -> str:
    """The type of what a layer's function is called on: Keras casts real numbers only."""
    own, given = call.op.compute_dtype, call.input.dtype
    casts = call.op.autocast and keras.backend.is_float_dtype(given)
    return own if casts or not isinstance(call.op, (layers.Activation, layers.Lambda)) else given


def _why(activation: Callable | None, shape: Shape, dtype: str, found: dict) -> str | None:
    """Why an activation mixes the channels of what it is called on, or None."""
    if activation is None or activation in ELEMENTWISE:
        return None
    if type(activation) is layers.PReLU:
        return _why_unbuilt(activation, shape)
    key = function_key(activation), shape, dtype
    if key not in found:
        found[key] = _why_function(activation, shape, dtype)
    return found[key]


def function_key(function: Callable) -> Hashable:
    """What two functions have in common that are the same code and hold nothing.

    Args:
        function: The function, which must live as long as the key.
    """
    holds = getattr(function, "__closure__", True) or function.__defaults__ or vars(function)
    if holds or function.__kwdefaults__:
        return id(function)
    return id(function.__code__), id(function.__globals__)


def _why_function(activation: Callable, shape: Shape, dtype: str) -> str | None:
    holder = getattr(activation, "__self__", activation)  # Of a layer's method the layer.
    why = _why_weights(holder) if isinstance(holder, layers.Layer) else None
    if why is None:
        why = _why_by_rules(activation, keras.KerasTensor(shape, dtype))
    return why or why_not_elementwise(activation, shape, dtype)


def _name(function: Callable) -> str:
    return getattr(function, "__name__", type(function).__name__)


def unwrapped(activation: Any) -> Any:
    """What `keras.layers.Activation` holds, where that is given as an activation."""
    while type(activation) is layers.Activation:
        activation = activation.activation
    return activation


def _why_unbuilt(prelu: layers.PReLU, shape: Shape) -> str | None:
    """Builds a PReLU, which Keras leaves to the first run; None, or why that cannot be."""
    open_axes = [axis for axis, size in enumerate(shape) if axis and size is None]
    if not prelu.built:
        if not set(open_axes) <= set(prelu.shared_axes or ()):
            return "its slopes have the shape of its input, which is open; share them (shared_axes)"
        prelu.build(shape)
    return None


def _why_weights(layer: layers.Layer) -> str | None:
    """Why a layer's weights keep it from being an activation whose channels can go."""
    if not layer.built:
        makes_weights = type(layer).build is not layers.Layer.build
        if makes_weights or len(with_sublayers(layer)) > 1:
            return "it is not built, so its weights are not known; make it a layer of its own"
    elif layer.weights:
        return "it has weights of its own; make it a layer of its own"
    return None


def _why_by_rules(activation: Callable, tensor: keras.KerasTensor) -> str | None:
    """What the rules of its operations say against a callable; None if nothing is known."""
    with restored(backend_variables(activation)):  # What is not symbolic runs.
        graph = _graph_of(activation, tensor)
    if graph is None:
        return None
    # Named after their types: Keras numbers the names of operations.
    graph.calls = [replace(call, name=type(call.op).__name__) for call in graph.calls]
    ruled = [(call, rule) for call in graph.calls if (rule := find_rule(call.op))]
    if len(ruled) < len(graph.calls):
        return None
    reader, start = Reader(graph), 0
    labels = {}
    for axis, size in enumerate(tensor.shape[1:], 1):
        if size is not None:
            labels[axis] = np.arange(start, start := start + size)
            reader.label(graph.inputs, axis, labels[axis])
    for call, rule in ruled:
        reader.read(call, rule)
    if reader.locked:
        return f"what it reads {reader.locked[0][1]}"
    if reader.weights.along:
        return READS_WEIGHTS
    if any(map(reader.arguments.adapts, graph.calls)):
        return "it holds an array of constants"
    moved = any(
        not np.array_equal(reader.channels(graph.outputs, axis), ids)
        for axis, ids in labels.items()
    )
    if moved or any(not np.array_equal(*pair) for pair in reader.coupled):
        return "it combines channels with one another"
    return None


def _graph_of(activation: Callable, tensor: keras.KerasTensor) -> CallGraph | None:
    """The calls that a callable makes, or None where they cannot be read."""
    inputs = keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype)
    try:
        if isinstance(activation, layers.Layer):  # Called it would gain a node.
            outputs = activation.compute_output_spec(inputs)
            calls = [Call(activation, activation.name, (inputs,), {}, outputs)]
            return CallGraph(activation.name, inputs, outputs, calls)
        return trace(keras.Model(inputs, activation(inputs)), opens=False)
    except Exception:  # The user's code may raise anything; whether it is wrong, the probe tells.
        return None
