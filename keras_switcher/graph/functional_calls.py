"""Functional calls: the calls of a Functional or Sequential model, nested models being one call."""

from collections.abc import Callable
from typing import Any

import keras
from keras import tree

from keras_switcher.graph.call import Call, CallGraph, Closed, OperationProxy, is_tensor
from keras_switcher.graph.carried import Carried
from keras_switcher.graph.inputs import arranged, inputs_like
from keras_switcher.graph.masks import mask_of, with_hung
from keras_switcher.graph.nodes import calls_before


def calls_of_model(
    model: keras.Model,
    called_with: Any = None,
    look_inside: Callable | None = None,
    carried: Carried | None = None,
    masks: Any = None,
) -> CallGraph:
    """The calls of a model, one level deep; what is in nested models is inside of their calls.

    The model is not touched: not even a node is added to its layers.

    Args:
        model: A model that can be read, see `why_unreadable`.
        called_with: Tensors from which sizes are taken that the model's inputs leave open.
        look_inside: Called as `look_inside(op, args, kwargs, why)` for each call, where `why` says
            why symbolic tensors would not tell all, or is None; returns what its `inside` is.
            Without it, nothing is inside of any call.
        carried: What the tensors carry that the model is called with.
        masks: Masks that the model is told, or None: those of what it is called with.

    Raises:
        MaskLost: If masks are followed, and a layer would not find its mask any more.
    """
    plain = _plain(model)
    graph = CallGraph(name=model.name)
    proxies: dict[int, OperationProxy] = {}
    inputs = inputs_like(plain.input, called_with)
    given = None if called_with is None else arranged(called_with, plain.input)
    carried = carried or Carried()
    carried.begin(inputs, given, masks)
    begins = [*tree.flatten(inputs), *map(mask_of, tree.flatten(inputs))]
    known = {id(x): x for x in begins if is_tensor(x)}

    def visit(op: keras.Operation, *args: Any, **kwargs: Any) -> Any:
        inside, seen = None, kwargs
        if look_inside:
            inside, seen = _inside(op, args, kwargs, look_inside, carried)
        proxy = proxies.setdefault(id(op), OperationProxy(op))
        # Keras would run call() again to find the shapes of what it returns.
        proxy.known = inside.outputs if isinstance(inside, CallGraph) else None
        outputs = proxy(*args, **kwargs)
        call = Call(op, op.name, args, seen, outputs, inside, _symbols_of_masks(inside))
        for each in (*_calls_of_masks(call, known), call):
            graph.calls.append(each)
            known.update((id(x), x) for x in tree.flatten((each.outputs, each.masks)))
        if isinstance(inside, CallGraph):
            carried.add_opened(call)
        elif look_inside:
            carried.add(op, args, seen, outputs)
        return outputs

    clone = keras.models.clone_model(
        plain,
        inputs,
        clone_function=lambda op: op,
        call_function=visit,
    )
    graph.inputs, graph.outputs = clone.input, clone.output
    graph.masks = [mask_of(x) for x in tree.flatten(graph.outputs)]
    graph.unmasked = carried.unmasked(inputs)
    return graph


def _inside(
    op: keras.Operation, args: tuple, kwargs: dict, look_inside: Callable, carried: Carried
) -> tuple[CallGraph | Closed | None, dict]:
    """What is inside a call, and the keywords with the masks that it is told or that hang there."""
    why = carried.why_unknown(op, args, kwargs)
    hung = with_hung(kwargs, carried.known_masks(args, kwargs))
    if isinstance(op, keras.Model) and why_unreadable(op) is None:
        values = args[0] if args else kwargs["inputs"]
        inner = calls_of_model(op, values, look_inside, carried, kwargs.get("mask"))
        inner.calls += _calls_of_masks_made(inner, carried)
        return inner, hung
    inside = look_inside(op, args, hung if why is None else kwargs, why)
    if isinstance(inside, CallGraph):
        return inside, hung
    return inside, carried.told(op, args, kwargs, inside)


def _calls_of_masks_made(graph: CallGraph, carried: Carried) -> list[Call]:
    """The calls that make the masks on the outputs of a nested model: others are told these."""
    inputs = tree.flatten(graph.inputs)
    made = [(call.outputs, call.masks) for call in graph.calls]
    known = [x for x in tree.flatten((inputs, [*map(mask_of, inputs)], made)) if is_tensor(x)]
    return list(calls_before([x for x in graph.masks if carried.is_known(x)], known))


def _symbols_of_masks(inside: Any) -> list:
    """Symbolic tensors in the places of the masks of what an opened layer returns."""
    masks = inside.masks if isinstance(inside, CallGraph) else []
    return [None if x is None else keras.KerasTensor(x.shape, "bool") for x in masks]


def _calls_of_masks(call: Call, known: dict[int, Any]) -> list[Call]:
    """The calls that make the masks which a call is told, of tensors that are known by their id."""
    new = [x for x in call.inputs if id(x) not in known]
    return list(calls_before(new, [x for x in known.values() if is_tensor(x)])) if new else []


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
