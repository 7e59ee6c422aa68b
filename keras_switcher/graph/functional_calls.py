"""Functional calls: the calls of a Functional or Sequential model, nested models being one call."""

from collections.abc import Callable
from typing import Any

import keras

from keras_switcher.graph.call import Call, CallGraph, OperationProxy
from keras_switcher.graph.carried import Carried
from keras_switcher.graph.inputs import arranged, inputs_like


def calls_of_model(
    model: keras.Model, called_with: Any = None, look_inside: Callable | None = None
) -> CallGraph:
    """The calls of a model, one level deep: nested models are not read.

    The model is not touched: not even a node is added to its layers.

    Args:
        model: A model that can be read, see `why_unreadable`.
        called_with: Tensors from which sizes are taken that the model's inputs leave open.
        look_inside: Called as `look_inside(op, args, kwargs, why)` for each call, where `why` says
            why symbolic tensors would not tell all, or is None; returns what its `inside` is.
    """
    plain = _plain(model)
    graph = CallGraph(name=model.name)
    proxies: dict[int, OperationProxy] = {}
    inputs = inputs_like(plain.input, called_with)
    given = None if called_with is None else arranged(called_with, plain.input)
    carried = Carried(inputs, given)

    def visit(op: keras.Operation, *args: Any, **kwargs: Any) -> Any:
        inside = None
        if look_inside:
            why = carried.why_unknown(op, args, kwargs)
            inside = look_inside(op, args, kwargs, why)
        proxy = proxies.setdefault(id(op), OperationProxy(op))
        # Keras would run call() again to find the shapes of what it returns.
        proxy.known = inside.outputs if isinstance(inside, CallGraph) else None
        outputs = proxy(*args, **kwargs)
        graph.calls.append(Call(op, op.name, args, kwargs, outputs, inside))
        if look_inside and not isinstance(inside, CallGraph):  # What is opened makes no masks.
            carried.add(op, args, kwargs, outputs)
        return outputs

    clone = keras.models.clone_model(
        plain,
        inputs,
        clone_function=lambda op: op,
        call_function=visit,
    )
    graph.inputs, graph.outputs = clone.input, clone.output
    return graph


def is_subclassed(model: keras.Model) -> bool:
    """Whether what a model computes is in its call() or `__call__()`, and not in a graph alone."""
    if isinstance(model, keras.Sequential) or isinstance(getattr(model, "task", None), keras.Model):
        return False
    return why_unreadable(model) is not None


def why_unreadable(model: keras.Model) -> str | None:
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


def _plain(model: keras.Model) -> keras.Model:
    if isinstance(model, keras.Sequential):
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    return keras.Model(model.input, model.output, name=model.name)
