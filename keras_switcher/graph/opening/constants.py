"""Constants: layers in a layer that are called on nothing else, as an embedding of all positions.

Keras would compute what they return at once, with weights as they are.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
from keras import layers, ops, tree
from keras.backend import standardize_dtype

from keras_switcher.graph.call import is_stock
from keras_switcher.graph.opening.held import attributes_set


class OnConstants:
    """Calls such layers on symbolic tensors that hold the constants.

    These are made of the tensor that the weights of the layer around are multiplied with.
    """

    def __init__(self) -> None:
        self._ones: list[keras.KerasTensor] = []
        self._depth = 0  # Of symbolic calls, in which Keras calls layers on other tensors.

    @contextmanager
    def made_of(self, one: keras.KerasTensor) -> Iterator[None]:
        """A scope in which constants are made of a tensor.

        Args:
            one: The tensor, a single one of shape `(None,)`.
        """
        self._ones.append(one)
        depth, self._depth = self._depth, 0
        try:
            yield
        finally:
            self._depth = depth
            self._ones.pop()

    @contextmanager
    def followed(self, layer: layers.Layer) -> Iterator[None]:
        """A scope in which a layer that is called on constants is called on symbolic tensors.

        Args:
            layer: The layer.
        """
        symbolic_call = partial(self._symbolic_call, layer.symbolic_call)
        call = partial(self._call, layer, layer.call)
        with attributes_set(layer, symbolic_call=symbolic_call, call=call):
            yield

    def _symbolic_call(self, function: Callable, *args: Any, **kwargs: Any) -> Any:
        self._depth += 1
        try:
            return function(*args, **kwargs)
        finally:
            self._depth -= 1

    def _call(self, layer: layers.Layer, function: Callable, *args: Any, **kwargs: Any) -> Any:
        if self._depth or not self._ones:
            return function(*args, **kwargs)
        one = self._ones[-1]
        args, kwargs = tree.map_structure(
            lambda x: constant(x, one) if _is_number(x) else x, (args, kwargs)
        )
        return layer(*args, **kwargs)


def may_read_constants(op: keras.Operation) -> bool:
    """Whether a layer is one of Keras that has weights, and is called on tensors only."""
    is_layer = isinstance(op, layers.Layer) and not isinstance(op, keras.Model)
    return is_layer and is_stock(op) and bool(op.weights)


def constant(values: Any, one: keras.KerasTensor) -> keras.KerasTensor:
    """Numbers that are not trained, as a symbolic tensor.

    Args:
        values: A tensor of numbers.
        one: The tensor that they are made of, of shape `(None,)`.
    """
    nothing = ops.cast(one[0], standardize_dtype(values.dtype)) * 0
    with keras.StatelessScope():  # That of a layer around would note that a variable is read.
        return nothing + ops.convert_to_numpy(values)


def _is_number(x: Any) -> bool:
    return ops.is_tensor(x) and standardize_dtype(x.dtype) != "bool"
