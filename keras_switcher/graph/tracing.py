"""Tracing: reads a Keras model as a list of calls."""

from typing import Any

import keras

from keras_switcher.graph.call import CallGraph
from keras_switcher.graph.functional_calls import is_subclassed, why_unreadable
from keras_switcher.graph.masks import MaskLost
from keras_switcher.graph.opening import Expansion


def trace(model: keras.Model, called_with: Any = None, opens: bool = True) -> CallGraph:
    """Reads a built model; nested models are read in place.

    Layers without a rule that are made of layers are opened, and so are subclassed models: what
    their call() does takes their place, if it computes the same. The model is not touched: not even
    a node is added to its layers.

    Args:
        model: The model to read.
        called_with: Tensors from which sizes are taken that the model's inputs leave open.
        opens: Whether to open layers.

    Returns:
        The model's `CallGraph`.

    Raises:
        ValueError: If the model is not built, or if it is a subclassed model that cannot be
            called on symbolic tensors.

    Example:

    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="head")])
    >>> [call.name for call in trace(model).calls]
    ['head']
    """
    check_is_model(model)
    problem = why_unreadable(model)
    if problem is not None and not (opens and is_subclassed(model)):
        raise ValueError(problem)
    try:
        return Expansion(model, called_with, opens).graph
    except MaskLost:
        return Expansion(model, called_with, opens, follows_masks=False).graph


def check_is_model(model: Any) -> None:
    """Raises ValueError if something is no Keras model."""
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"Expected a Functional or Sequential keras.Model. Received: {model!r} "
            f"(of type {type(model).__name__})."
        )
