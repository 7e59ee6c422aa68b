"""Expansion: nested models and layers of layers become the calls that they make."""

import inspect
from dataclasses import replace
from typing import Any

import keras
from keras import tree

from keras_switcher.graph.call import Call, CallGraph, Closed, is_tensor
from keras_switcher.graph.carried import Carried, is_optional
from keras_switcher.graph.functional_calls import calls_of_model, is_subclassed, why_unreadable
from keras_switcher.graph.inputs import arranged, inputs_like
from keras_switcher.graph.masks import HUNG, MaskLost, without_hung
from keras_switcher.graph.nodes import calls_before
from keras_switcher.graph.opening.agreement import Agreement
from keras_switcher.graph.opening.layer_names import LayerNames, joined
from keras_switcher.graph.opening.own_weights import single_one
from keras_switcher.graph.opening.recording import Recorder, is_composite
from keras_switcher.graph.opening.subclassed import as_call, inputs_of_subclassed, unreadable
from keras_switcher.graph.sublayers import with_sublayers


class Expansion:
    """A network's calls with those of nested models and opened layers in their places.

    Args:
        model: A model that can be read, see `why_unreadable`, or a subclassed one.
        called_with: Tensors from which sizes are taken that its inputs leave open.
        opens: Whether layers without a rule are opened.
        follows_masks: Whether those are that read masks or make them.

    Attributes:
        graph: The `CallGraph`.

    Raises:
        ValueError: If it is a subclassed model that cannot be opened.
        MaskLost: If masks are followed, and a layer would not find its mask any more.
    """

    def __init__(
        self, model: keras.Model, called_with: Any, opens: bool, follows_masks: bool = True
    ) -> None:
        self._look_inside = LookInside(model) if opens else None
        self._carried = Carried(follows_masks)
        self._opens_model = opens and is_subclassed(model)
        top = self._top(model, called_with)
        self.graph = CallGraph(model.name, top.inputs)
        self._names: dict[str, int] = {}
        self._aliases: dict[int, Any] = {}
        self._kept: list[Any] = []  # An id is only good while its tensor lives.
        self._one: keras.KerasTensor | None = None
        self._agreement = Agreement()
        for call in top.calls:
            if not self._opens_model:
                self._add(call, "", call.op.name, True)
            elif not self._open(call, call.inputs, "", "", True):
                raise ValueError(unreadable(model, self.graph.closed[id(model)].reason))
        self.graph.outputs = self._resolved(top.outputs)
        self.graph.calls = [*self._calls_of_one(), *self.graph.calls]

    def _top(self, model: keras.Model, called_with: Any) -> CallGraph:
        if self._look_inside is None or not self._opens_model:
            graph = calls_of_model(model, called_with, self._look_inside, self._carried)
            self._carried.check(graph.outputs)
            return graph
        inputs = inputs_of_subclassed(model)
        inputs = inputs if called_with is None else inputs_like(inputs, called_with)
        return as_call(model, inputs, self._look_inside(model, (inputs,), {}))

    def _add(self, call: Call, prefix: str, name: str, verified: bool) -> None:
        """Adds a call, or what is in it.

        Args:
            call: The call, of tensors that may have aliases.
            prefix: The name of the opened layer that it is in; empty for none.
            name: Its name there.
            verified: Whether it is compared with what is found in it; else it was already, with
                what it is in.
        """
        args, kwargs = self._resolved((call.args, call.kwargs))
        given = [self._resolved(x) for x in call.inputs]  # Constants may be among them now.
        call = replace(call, args=args, kwargs=kwargs)
        if isinstance(call.op, keras.Model) and why_unreadable(call.op) is None:
            values = args[0] if args else kwargs["inputs"]
            inner = call.inside
            if not isinstance(inner, CallGraph):  # It is in an opened layer.
                told = self._look_inside, self._carried, kwargs.get("mask")
                inner = calls_of_model(call.op, values, *told)
            given = tree.flatten(arranged(values, inner.inputs))
            path = joined(prefix, name) if prefix else ""
            self._insert(call, inner, given, path, True, LayerNames(call.op) if path else None)
        elif not call.inputs and not getattr(call.op, "variables", ()):
            made = tree.flatten(call.op(*args, **kwargs))  # Of constants, once and for all.
            for symbol, value in zip(tree.flatten(call.outputs), made, strict=True):
                self._aliases[id(symbol)] = value
        elif not self._open(call, given, prefix, name, verified):
            self._append(call, joined(prefix, name))

    def _append(self, call: Call, name: str) -> None:
        count = self._names.get(name, 0)
        self._names[name] = count + 1
        name = name if count == 0 else f"{name}:{count}"
        kwargs = without_hung(call.kwargs)
        self.graph.calls.append(replace(call, name=name, kwargs=kwargs, masks=[]))

    def _open(self, call: Call, given: list, prefix: str, name: str, verified: bool) -> bool:
        """Adds what is in a layer, if it can be opened; returns whether it can."""
        inner = call.inside
        if isinstance(inner, Closed):
            self.graph.closed[id(call.op)] = inner
        if not isinstance(inner, CallGraph):
            return False
        one = self._single_one()
        why: str | None = "its weights need an input that holds numbers"
        if one is not None:
            why = self._agreement.why_different(call, given) if verified else None
        if why is not None:
            if HUNG in call.kwargs or any(mask is not None for mask in call.masks):
                raise MaskLost
            self.graph.closed[id(call.op)] = Closed(why)
            return False
        names = LayerNames(call.op)
        self._insert(call, inner, [*given, one], joined(prefix, name), False, names)
        return True

    def _single_one(self) -> keras.KerasTensor | None:
        """The tensor that all own weights of the network's layers are multiplied with."""
        if self._one is None:
            inputs = [x for x in tree.flatten(self.graph.inputs) if x.shape and not x.sparse]
            inputs = [x for x in inputs if x.dtype != "string" and not is_optional(x)]
            if inputs:
                self._one = single_one(inputs[0])
        return self._one

    def _calls_of_one(self) -> list[Call]:
        """The calls that make the single one, if anything reads it."""
        if not any(x is self._one for call in self.graph.calls for x in call.inputs):
            return []
        calls = calls_before(self._one, tree.flatten(self.graph.inputs))
        names = LayerNames(keras.layers.Layer())
        return [replace(call, name=joined("single_one", names.of(call.op))) for call in calls]

    def _insert(
        self,
        call: Call,
        inner: CallGraph,
        given: list,
        path: str,
        verified: bool,
        names: LayerNames | None,
    ) -> None:
        """Adds calls in the place of one: `given` are the tensors in the places of their inputs."""
        self._kept += [inner, call]
        for symbol, tensor in zip(tree.flatten(inner.inputs), given, strict=True):
            self._aliases[id(symbol)] = tensor
        training = call.kwargs.get("training")
        for each in inner.calls:
            each = replace(each, kwargs=_handed_down(training, each))
            self._add(each, path, names.of(each.op) if names else each.op.name, verified)
        outputs, masks = self._resolved((inner.outputs, inner.masks))
        made = [*zip(tree.flatten(call.outputs), tree.flatten(outputs), strict=True)]
        for symbol, tensor in (*made, *zip(call.masks, masks, strict=False)):
            self._aliases[id(symbol)] = tensor

    def _resolved(self, structure: Any) -> Any:
        return tree.map_structure(
            lambda x: self._aliases.get(id(x), x) if is_tensor(x) else x, structure
        )


def _handed_down(training: bool | None, call: Call) -> dict[str, Any]:
    """A call's keywords; a nested model calls all its layers with its own `training=...`."""
    if training is not None and "training" in inspect.signature(call.op.call).parameters:
        return {**call.kwargs, "training": training}
    return call.kwargs


class LookInside:
    """Records what is inside of a call of a layer that may be opened.

    Args:
        model: The model whose calls it is asked about.
    """

    def __init__(self, model: keras.Model) -> None:
        self._recorder = Recorder(with_sublayers(model))

    def __call__(
        self, op: keras.Operation, args: tuple, kwargs: dict, why: str | None = None
    ) -> Any:
        if not is_composite(op):
            return None
        return Closed(why) if why else self._recorder.record(op, args, kwargs)
