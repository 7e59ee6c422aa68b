"""Subclassed models: their call() as one call on inputs of the shapes that they were built for."""

import inspect
from typing import Any

import keras
from keras import tree

from keras_switcher.graph.call import Call, CallGraph, Closed, is_tensor
from keras_switcher.graph.functional_calls import why_unreadable
from keras_switcher.graph.inputs import inputs_like
from keras_switcher.user_warnings import warn_user

# Arguments that Keras passes to any call().
_OF_KERAS = ("training", "mask")

_WAYS = (
    "Two ways in work: write its call() with layers and keras.ops alone, so that it can be called "
    "on symbolic tensors; or write the network with the functional API, keras.Model(inputs, "
    "outputs), or as keras.Sequential."
)


def inputs_of_subclassed(model: keras.Model) -> Any:
    """Symbolic inputs of the shapes that a subclassed model was built for, any number of samples.

    Args:
        model: The model.

    Raises:
        ValueError: If it is not built for one input, or one structure of inputs.
    """
    if getattr(model, "inputs", None) is not None:
        return inputs_like(model.input)
    config = model.get_build_config() or {}
    if not model.built or "input_shape" not in config:
        raise ValueError(
            f"Model '{model.name}' (of type {type(model).__name__}) is a subclassed model whose "
            "inputs are not known. Call it on a batch of example data first, model(batch), or "
            "model.build(input_shape), with all inputs in its first argument; or write it with the "
            "functional API, keras.Model(inputs, outputs)."
        )
    if left_out := _others(model):
        names = ", ".join(f"`{name}`" for name in left_out)
        warn_user(
            f"Model '{model.name}' is read as it is called with its first argument alone: {names} "
            f"{'is' if len(left_out) == 1 else 'are'} left out. Where the model is called with "
            "more, pass all inputs in its first argument."
        )
    return _inputs(config["input_shape"])


def _others(model: keras.Model) -> list[str]:
    """The further arguments of a model's call() that may be tensors."""
    _, *others = inspect.signature(model.call).parameters.values()
    named = [each for each in others if each.kind is each.POSITIONAL_OR_KEYWORD]
    return [each.name for each in named if each.name not in _OF_KERAS and each.default is None]


def as_call(model: keras.Model, inputs: Any, inside: Any) -> CallGraph:
    """A subclassed model as a graph of one call.

    Args:
        model: The model.
        inputs: Its inputs, symbolic.
        inside: What was found in it, see `Recorder.record`.

    Raises:
        ValueError: If nothing was found.
    """
    if not isinstance(inside, CallGraph):
        reason = inside.reason if isinstance(inside, Closed) else "it has a rule"
        raise ValueError(unreadable(model, reason))
    if not all(map(is_tensor, tree.flatten(inside.outputs))):
        raise ValueError(unreadable(model, "its call() returns what is no tensor"))
    if any(mask is not None for mask in inside.masks):
        raise ValueError(unreadable(model, "what it returns carries a mask"))
    outputs = tree.map_structure(lambda x: keras.KerasTensor(x.shape, x.dtype), inside.outputs)
    call = Call(model, model.name, (inputs,), {}, outputs, inside)
    return CallGraph(model.name, inputs, outputs, [call])


def unreadable(model: keras.Model, reason: str) -> str:
    """What is said of a subclassed model that cannot be opened.

    Args:
        model: The model.
        reason: Why not, in words.
    """
    if getattr(model, "inputs", None) is not None:
        return f"{why_unreadable(model)} It cannot be read as it is, as {reason}."
    return (
        f"Model '{model.name}' (of type {type(model).__name__}) is a subclassed model: its graph "
        f"lives in Python code and cannot be read, as {reason}. {_WAYS}"
    )


def _inputs(shape: Any) -> Any:
    if isinstance(shape, dict):
        return {name: keras.Input(each[1:], name=name) for name, each in shape.items()}
    if shape and isinstance(shape[0], (list, tuple)):
        return [keras.Input(each[1:]) for each in shape]
    return keras.Input(shape[1:])
