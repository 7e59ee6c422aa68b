"""Where constants of folded branches meet tensors: sums, products, and what is alike."""

from functools import reduce

import keras
import numpy as np
from keras import ops, tree

from keras_switcher.graph.call import Call, is_stock
from keras_switcher.graph.tensors import is_tensor, samples_axis


def _add(first, second):
    """Keras would take an array with one long axis for a bias, of whichever axis is as long."""
    if isinstance(first, np.ndarray):
        first, second = second, first
    return ops.subtract(first, -second) if isinstance(second, np.ndarray) else first + second


_MERGES = {
    "Add": _add,
    "Subtract": ops.subtract,
    "Multiply": ops.multiply,
    "Maximum": ops.maximum,
    "Minimum": ops.minimum,
}


def merge(call: Call, args: tuple, kwargs: dict, kept):
    """What a call makes of tensors and constants together.

    Args:
        call: The call.
        args: Its arguments, arrays in the places of some tensors.
        kwargs: Likewise.
        kept: Maps a tensor to boolean vectors by axis: the channels that stay.

    Returns:
        A tensor, or None if the call is no sum, product or the like, and no concatenation with
        what is empty, or if only a constant has an entry for each sample.
    """
    kind = type(call.op).__name__
    merges = kind in (*_MERGES, "Concatenate", "CustomScaleLayer")
    if not (merges and is_stock(call.op)):
        return None
    new = iter(tree.flatten((args, kwargs)))
    values = []
    for old in tree.flatten((call.args, call.kwargs)):
        value = next(new)
        if is_tensor(old) and not is_tensor(value):
            value = _cut(value, kept(old))
        values.append(value)
    is_layer = isinstance(call.op, keras.layers.Layer)
    dtype = call.op.compute_dtype if is_layer else call.output.dtype
    values = [_cast(v, dtype) for v in values]
    if is_layer:
        values = [_raised(v, len(call.output.shape)) for v in values]
    if not _have_samples(values, call.output):
        return None
    if kind == "Concatenate":
        values = [v for v in values if is_tensor(v) or v.size]
        return ops.concatenate(values, call.op.axis) if all(map(is_tensor, values)) else None
    values = [_compressed(v, call, values) if isinstance(v, np.ndarray) else v for v in values]
    if kind == "CustomScaleLayer":  # Of InceptionResNetV2.
        kind, values = "Add", [values[0], values[1] * call.op.scale]
    if kind == "Add":
        left = [v for v in values if not isinstance(v, np.ndarray) or v.any()]
        values = left if _span(left, call.output.shape) else values
    return reduce(_MERGES[kind], values)


def _span(values, shape):
    """Whether each axis of a shape is one of the values', or would have to be broadcast to it."""
    return all(
        shape[axis] == 1 or any(len(v.shape) >= -axis and v.shape[axis] != 1 for v in values)
        for axis in range(1 - len(shape), 0)
    )


def _have_samples(values, output):
    """Whether a tensor among these has as many samples as the output."""
    axis = samples_axis(output)
    if axis is None:
        return True
    from_the_end = axis - len(output.shape)
    tensors = [v for v in values if is_tensor(v) and len(v.shape) >= -from_the_end]
    return any(tensor.shape[from_the_end] is None for tensor in tensors)


def _cast(value, dtype):
    """Casts numbers of another precision; whole numbers stay what they are."""
    is_array = is_tensor(value) or isinstance(value, np.ndarray)
    if not is_array or value.dtype == dtype or not keras.backend.is_float_dtype(value.dtype):
        return value
    cast = ops.cast(value, dtype)
    return cast if is_tensor(value) else ops.convert_to_numpy(cast)


def _raised(value, rank):
    """Merging layers put the axes that a tensor lacks behind the batch's."""
    expand = ops.expand_dims if is_tensor(value) else np.expand_dims
    while len(value.shape) < rank:
        value = expand(value, 1)
    return value


def _cut(value, kept):
    for axis, mask in kept.items():
        value = np.compress(mask, value, axis=axis)
    return value


def _compressed(value, call, values):
    """A constant that is the same all along an axis needs only one entry of it."""
    rank = len(call.output.shape)
    tensors = [v for v in values if is_tensor(v) and len(v.shape) == rank]
    for axis in range(1, value.ndim if value.ndim == rank else 0):
        first = np.take(value, [0], axis=axis)
        if (value == first).all() and any(
            t.shape[axis] == call.output.shape[axis] != 1 for t in tensors
        ):
            value = first
    return value
