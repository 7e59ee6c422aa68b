"""Light calls: calls of layers on symbolic tensors without what Keras does for any call.

It binds arguments, opens scopes of names, looks for masks, dtypes to cast and weights to build. Of
most calls in a layer that is built it is known at once that nothing of it matters.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import keras
from keras import layers
from keras.backend import is_float_dtype
from keras.src.ops.node import Node  # Private: Keras makes them of its own calls alone.

from keras_switcher.graph.call import is_tensor
from keras_switcher.graph.masks import mask_of
from keras_switcher.graph.opening.plain_values import is_value


@contextmanager
def lightly_called(around: layers.Layer) -> Iterator[None]:
    """A scope in which layers are called lightly where they can be.

    Args:
        around: The layer that the others are in: Keras calls it, and notes which call they are in.
    """
    call = layers.Layer.__call__

    def called(layer: layers.Layer, *args: Any, **kwargs: Any) -> Any:
        made = None if layer is around else light_call(layer, args, kwargs)
        return call(layer, *args, **kwargs) if made is None else made

    layers.Layer.__call__ = called
    try:
        yield
    finally:
        layers.Layer.__call__ = call


def light_call(layer: layers.Layer, args: tuple, kwargs: dict) -> Any:
    """What a layer returns, noted as Keras notes it: one of Keras, or one that is recorded.

    Args:
        layer: The layer.
        args: The arguments of its call.
        kwargs: Those by name.

    Returns:
        What it returns, or None if Keras should call the layer.
    """
    # It may have been replaced, see `Recorder`.
    spec = vars(layer).get("compute_output_spec")
    kind: Any = type(layer)  # mypy takes no class for one that can be a key.
    if _is_told_by_shape(kind):
        if len(args) != 1 or not is_tensor(args[0]) or kwargs.keys() - {"training"}:
            return None
        spec, given = spec or partial(_spec, layer), {}
    elif spec is None or not _is_usual(kind):
        return None
    else:
        given = kwargs
    if not args or not _is_plain(layer, args, given):
        return None
    layer._assert_input_compatibility(args[0])
    training = _training_of(layer, kwargs)
    told = {"training": training} if _takes_training(layer) and training is not None else {}
    if given is kwargs:
        given = {name: x for name, x in kwargs.items() if name != "training"} | told
    outputs = spec(*args, **given)
    # Keras notes what it adds itself where it is given one tensor that needs no cast, alone.
    is_alone = len(args) == 1 and not kwargs and args[0].dtype == layer.input_dtype
    Node(operation=layer, call_args=args, call_kwargs=told if is_alone else kwargs, outputs=outputs)
    return outputs


def _training_of(layer: layers.Layer, kwargs: dict) -> bool | None:
    """The value of `training` of a call, which others go by that are made later, as in Keras."""
    context = layer._get_call_context()
    if "training" in kwargs:
        value = kwargs["training"]
    else:
        value = context.get_value("training")
        if value is None and _takes_training(layer):
            value = layer._call_signature.parameters["training"].default
    context.set_value("training", value)
    return value


def _takes_training(layer: layers.Layer) -> bool:
    return layer._call_has_context_arg["training"]


@cache
def _is_usual(kind: type[layers.Layer]) -> bool:
    """Whether calls of layers of a class are those of Keras."""
    return kind.__call__ is layers.Layer.__call__ and not issubclass(kind, keras.Model)


@cache
def _is_told_by_shape(kind: type[layers.Layer]) -> bool:
    """Whether a class is one of Keras that makes of one tensor one, whose shape it tells."""
    return (
        kind.__module__.split(".")[0] == "keras"
        and not issubclass(kind, (keras.Model, layers.Wrapper))
        and {*list(inspect.signature(kind.call).parameters)[2:]} <= {"training", "mask"}
        and kind.__call__ is layers.Layer.__call__
        and kind.compute_output_spec is layers.Layer.compute_output_spec
        and kind.compute_output_shape is not layers.Layer.compute_output_shape
    )


def _is_plain(layer: layers.Layer, args: tuple, kwargs: dict) -> bool:
    """Whether nothing is to be built, cast, masked or added to the losses in a call."""
    return (
        layer.built
        and layer.activity_regularizer is None
        and layer.compute_dtype == layer.variable_dtype
        and layer._call_context_args == {"training"}
        and all(is_tensor(x) and _is_taken(layer, x) for x in args)
        and all(is_value(x) or (is_tensor(x) and _is_taken(layer, x)) for x in kwargs.values())
    )


def _is_taken(layer: layers.Layer, x: keras.KerasTensor) -> bool:
    """Whether a layer takes a tensor as it is."""
    return mask_of(x) is None and (x.dtype == layer.input_dtype or not is_float_dtype(x.dtype))


def _spec(layer: layers.Layer, x: keras.KerasTensor) -> keras.KerasTensor:
    return keras.KerasTensor(layer.compute_output_shape(x.shape), layer.compute_dtype)
