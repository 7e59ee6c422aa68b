"""Single keys: symbolic tensors take `x[None]` and `x[:2]` as other tensors do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras


@contextmanager
def single_keys() -> Iterator[None]:
    """A scope in which symbolic tensors may be indexed by one slice, `None` or `...` alone.

    Tensors of every backend may. Of symbolic ones, Keras asks for a tuple of these.

    Example:

    >>> with single_keys():
    ...     keras.KerasTensor((4, 3))[None].shape
    (1, 4, 3)
    """
    get = keras.KerasTensor.__getitem__

    def getitem(tensor: keras.KerasTensor, key: Any) -> Any:
        is_single = key is None or key is ... or isinstance(key, slice)
        return get(tensor, (key,) if is_single else key)

    keras.KerasTensor.__getitem__ = getitem
    try:
        yield
    finally:
        keras.KerasTensor.__getitem__ = get
