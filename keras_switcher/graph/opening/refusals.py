"""Refusals: why a layer that is made of layers is not opened, in words."""

import re
from typing import Any

import keras
from keras import layers, tree

from keras_switcher.graph.call import Call, Closed, is_tensor
from keras_switcher.graph.opening.plain_values import is_value
from keras_switcher.graph.sublayers import with_sublayers


class NotingScope(keras.StatelessScope):
    """A scope that notes which variables' values are read: what is made of them is a constant.

    Attributes:
        read: The variables.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.read: list[keras.Variable] = []

    def get_current_value(self, variable: keras.Variable) -> Any:
        self.read.append(variable)
        return super().get_current_value(variable)


def why_closed(op: layers.Layer) -> Closed | None:
    """Why a layer is not opened, whatever its call() does; or None.

    Args:
        op: The layer.
    """
    # Of a model with a graph, a __call__() often does nothing but to call it.
    has_graph = isinstance(op, keras.Model) and getattr(op, "inputs", None) is not None
    is_plain = type(op).__call__ in (layers.Layer.__call__, keras.Model.__call__)
    if not (is_plain or has_graph):
        return Closed("it overrides __call__()")
    if op.activity_regularizer is not None:
        return Closed("it has an activity regularizer")
    if any(getattr(part, "quantization_mode", None) for part in with_sublayers(op)):
        return Closed("it is quantized")
    return None


def why_not_followed(scope: NotingScope, outputs: Any) -> str | None:
    """Why symbolic tensors do not tell what a call() did, or None.

    Args:
        scope: The scope in which it was run.
        outputs: What it returned.
    """
    if scope.state_mapping:
        return "its call() draws random numbers or changes variables"
    if scope.read:
        names = ", ".join(dict.fromkeys(f"'{variable.path}'" for variable in scope.read))
        return f"its call() computes with values of {names} that it reads at once"
    if scope.losses:
        return "its call() adds a loss"
    tensors = [x for x in tree.flatten(outputs) if not is_value(x)]
    if not tensors or not all(is_tensor(x) or hasattr(x, "shape") for x in tensors):
        return "its call() returns what is no tensor"
    return None


def weights_given(calls: list[Call]) -> list[keras.Variable]:
    """The weights that calls are given as they are: they would become constants.

    Args:
        calls: The calls.
    """
    given = [x for call in calls for x in tree.flatten((call.args, call.kwargs))]
    weights = [x for x in given if isinstance(x, keras.Variable)]
    weights = [v for v in weights if v.trainable or keras.backend.is_float_dtype(v.dtype)]
    return list({id(v): v for v in weights}.values())


def said_by(error: Exception) -> str:
    """The class of an error and the first line of what it says.

    Args:
        error: The error.
    """
    lines = [line.strip() for line in re.sub(r"\x1b\[\d*m", "", str(error)).split("\n")]
    told = [line for line in lines if line and not line.startswith("Exception encountered")]
    return f"{type(error).__name__}: {told[0][:200]}" if told else type(error).__name__
