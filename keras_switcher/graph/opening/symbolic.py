"""Symbolic: lets symbolic tensors be used in ways that tensors of every backend may be used in."""

from collections.abc import Iterator
from contextlib import contextmanager
from string import ascii_lowercase
from typing import Any

import keras
from keras import ops

# Keras has no public name for the class.
_EINSUM = type(ops.einsum("a->a", keras.KerasTensor((1,)))._keras_history.operation)


@contextmanager
def used_as_others() -> Iterator[None]:
    """A scope in which symbolic tensors are indexed, and combined by `einsum`, as others are.

    Of symbolic ones, Keras asks for a tuple where one slice, `None` or `...` would do, and for
    equations in small letters without spaces.

    Example:

    >>> x = keras.KerasTensor((4, 3))
    >>> with used_as_others():
    ...     x[None].shape, ops.einsum("bC, dC -> bd", x, x).shape
    ((1, 4, 3), (4, 4))
    """
    get, combine = keras.KerasTensor.__getitem__, _EINSUM.symbolic_call

    def getitem(tensor: keras.KerasTensor, key: Any) -> Any:
        is_single = key is None or key is ... or isinstance(key, slice)
        return get(tensor, (key,) if is_single else key)

    def einsum(op: keras.Operation, *operands: Any) -> Any:
        plain = _in_small_letters(op.subscripts)
        return combine(op if plain == op.subscripts else _EINSUM(plain, name=op.name), *operands)

    keras.KerasTensor.__getitem__, _EINSUM.symbolic_call = getitem, einsum
    try:
        yield
    finally:
        keras.KerasTensor.__getitem__, _EINSUM.symbolic_call = get, combine


def _in_small_letters(equation: str) -> str:
    """An equation without spaces and capital letters; those that there are no others for stay."""
    equation = equation.replace(" ", "")
    spare = (letter for letter in ascii_lowercase if letter not in equation)
    for letter in dict.fromkeys(filter(str.isupper, equation)):
        equation = equation.replace(letter, next(spare, letter))
    return equation
