"""Tracing: reads a Keras model as a list of calls."""

import inspect
from typing import Any

import keras
from keras import tree

from keras_switcher.graph.call import Call, CallGraph, OperationProxy, is_tensor, paired
from keras_switcher.graph.inputs import arranged, inputs_like


def trace(model: keras.Model, called_with: Any = None) -> CallGraph:
    """Reads a built Functional or Sequential model; nested models are read in place.

    The model is not touched: not even a node is added to its layers.

    Args:
        model: The model to read.
        called_with: Tensors from which sizes are taken that the model's inputs leave open.

    Returns:
        The model's `CallGraph`.

    Raises:
        ValueError: If the model is not built, or is a subclassed model.

    Example:

    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="head")])
    >>> [call.name for call in trace(model).calls]
    ['head']
    """
    plain = _plain_functional(model)
    graph = CallGraph(name=model.name)
    aliases: dict[int, keras.KerasTensor] = {}
    names: dict[str, int] = {}

    def resolve(structure: Any) -> Any:
        return tree.map_structure(lambda x: aliases.get(id(x), x) if is_tensor(x) else x, structure)

    def visit(op: keras.Operation, *args: Any, **kwargs: Any) -> Any:
        outputs = proxies.setdefault(id(op), OperationProxy(op))(*args, **kwargs)
        args, kwargs = resolve((args, kwargs))
        if isinstance(op, keras.Model) and _why_unreadable(op) is None:
            given = args[0] if args else kwargs["inputs"]
            inner = trace(op, given)
            values = paired(inner.inputs, arranged(given, inner.inputs))
            for call in inner.calls:
                given_to_it = (call.args, _handed_down(kwargs.get("training"), call))
                inner_args, inner_kwargs = tree.map_structure(
                    lambda x: values.get(id(x), x) if is_tensor(x) else x, given_to_it
                )
                append(call.op, inner_args, inner_kwargs, call.outputs)
            inner_outputs = [values.get(id(x), x) for x in tree.flatten(inner.outputs)]
            for symbol, tensor in zip(tree.flatten(outputs), inner_outputs, strict=True):
                aliases[id(symbol)] = tensor
                kept.append(symbol)
        else:
            append(op, args, kwargs, outputs)
        return outputs

    def append(op: keras.Operation, args: tuple, kwargs: dict, outputs: Any) -> None:
        count = names.get(op.name, 0)
        names[op.name] = count + 1
        name = op.name if count == 0 else f"{op.name}:{count}"
        graph.calls.append(Call(op, name, args, kwargs, outputs))

    proxies: dict[int, OperationProxy] = {}
    kept: list[keras.KerasTensor] = []  # An id is only good while its tensor lives.
    clone = keras.models.clone_model(
        plain,
        inputs_like(plain.input, called_with),
        clone_function=lambda op: op,
        call_function=visit,
    )
    graph.inputs = clone.input
    graph.outputs = resolve(clone.output)
    return graph


def _handed_down(training: bool | None, call: Call) -> dict[str, Any]:
    """A call's keywords; a nested model calls all its layers with its own `training=...`."""
    if training is not None and "training" in inspect.signature(call.op.call).parameters:
        return {**call.kwargs, "training": training}
    return call.kwargs


def _plain_functional(model: keras.Model) -> keras.Model:
    """An uncompiled Functional model over the very graph of `model`."""
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"Expected a Functional or Sequential keras.Model. Received: {model!r} "
            f"(of type {type(model).__name__})."
        )
    if (problem := _why_unreadable(model)) is not None:
        raise ValueError(problem)
    return _plain(model)


def _plain(model: keras.Model) -> keras.Model:
    if isinstance(model, keras.Sequential):
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    return keras.Model(model.input, model.output, name=model.name)


def _why_unreadable(model: keras.Model) -> str | None:
    """Why a model's graph cannot be read, in words, or None if it can."""
    what = f"Model '{model.name}' (of type {type(model).__name__})"
    sequential = isinstance(model, keras.Sequential)
    if sequential and (not model.built or not model.layers):
        return (
            f"Sequential model '{model.name}' is not built, so its shapes are not known. Start it "
            "with a keras.Input(shape), or call model.build((None, ...)) first."
        )
    if getattr(model, "inputs", None) is None or getattr(model, "outputs", None) is None:
        if sequential:
            return (
                f"{what} has no graph, because Keras could not call its layers on symbolic "
                "tensors: one of them, or a layer in a wrapper such as TimeDistributed, lacks a "
                "compute_output_shape()."
            )
        if isinstance(getattr(model, "task", None), keras.Model):
            return f"{what} trains a task network. Pass that one: its attribute `task`."
        return (
            f"{what} is a subclassed model: its graph lives in Python code and cannot be read. "
            "Write it with the functional API, keras.Model(inputs, outputs), or as "
            "keras.Sequential."
        )
    overridden = [
        name
        for name in ("call", "__call__")
        if getattr(type(model), name)
        not in (getattr(type(_plain(model)), name), getattr(keras.Sequential, name))
    ]
    if overridden:
        return (
            f"{what} overrides {overridden[0]}(), so its functional graph may not be what it "
            "computes. Pass keras.Model(model.input, model.output) if the graph is what you mean."
        )
    return None
