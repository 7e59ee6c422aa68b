"""Constant folding: branches that have become constants go into what reads them."""

from collections.abc import Callable
from functools import reduce
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from keras_switcher.graph.call import Call, batch_axis, is_stock, is_tensor
from keras_switcher.graph.edge import Edge, scaled_kernels


def _add(first: Any, second: Any) -> Any:
    """A sum; Keras would take an array with one long axis for a bias of any axis as long."""
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


def merge(
    call: Call,
    args: tuple,
    kwargs: dict,
    kept: Callable[[keras.KerasTensor], dict[int, np.ndarray]],
) -> Any:
    """A sum, product, extremum or concatenation of tensors and constants.

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


def _span(values: list, shape: tuple) -> bool:
    """Whether each axis of a shape is one of the values', or would have to be broadcast to it."""
    return all(
        shape[axis] == 1 or any(len(v.shape) >= -axis and v.shape[axis] != 1 for v in values)
        for axis in range(1 - len(shape), 0)
    )


def _have_samples(values: list, output: keras.KerasTensor) -> bool:
    """Whether a tensor among these has as many samples as the output."""
    axis = batch_axis(output)
    if axis is None:
        return True
    from_the_end = axis - len(output.shape)
    tensors = [v for v in values if is_tensor(v) and len(v.shape) >= -from_the_end]
    return any(tensor.shape[from_the_end] is None for tensor in tensors)


def _cast(value: Any, dtype: str) -> Any:
    """Casts numbers of another precision; whole numbers stay what they are."""
    is_array = is_tensor(value) or isinstance(value, np.ndarray)
    if not is_array or value.dtype == dtype or not keras.backend.is_float_dtype(value.dtype):
        return value
    cast = ops.cast(value, dtype)
    return cast if is_tensor(value) else ops.convert_to_numpy(cast)


def _raised(value: Any, rank: int) -> Any:
    """Adds the axes that a tensor lacks behind the batch's, as merging layers do."""
    expand = ops.expand_dims if is_tensor(value) else np.expand_dims
    while len(value.shape) < rank:
        value = expand(value, 1)
    return value


def _cut(value: np.ndarray, kept: dict[int, np.ndarray]) -> np.ndarray:
    for axis, mask in kept.items():
        value = np.compress(mask, value, axis=axis)
    return value


def _compressed(value: np.ndarray, call: Call, values: list) -> np.ndarray:
    """A constant with one entry along each axis along which it is the same."""
    rank = len(call.output.shape)
    tensors = [v for v in values if is_tensor(v) and len(v.shape) == rank]
    for axis in range(1, value.ndim if value.ndim == rank else 0):
        first = np.take(value, [0], axis=axis)
        if (value == first).all() and any(
            t.shape[axis] == call.output.shape[axis] != 1 for t in tensors
        ):
            value = first
    return value


def zeros(tensor: keras.KerasTensor, call: Call) -> np.ndarray:
    """Zeros in the place of a tensor of which nothing is read.

    Args:
        tensor: The tensor.
        call: The call that makes or reads it.

    Raises:
        ValueError: If its size is open.
    """
    if None in tensor.shape[1:]:
        raise ValueError(
            f"A branch reads nothing any more and computes a constant, at '{call.name}'. To fold "
            f"it away its size must be fixed, not {tensor.shape}: build the model with a fixed "
            "keras.Input(shape), or keep at least one channel of each group."
        )
    return np.zeros((tensor.shape[0] or 1, *tensor.shape[1:]), tensor.dtype)


def zero_arguments(call: Call) -> tuple[tuple, dict]:
    """The arguments of a call, with zeros in the places of all tensors.

    Args:
        call: The call, whose kernel reads no channel any more.

    Raises:
        ValueError: If the size of a tensor is open.
    """
    return tree.map_structure(
        lambda x: zeros(x, call) if is_tensor(x) else x, (call.args, call.kwargs)
    )


def evaluate(
    call: Call,
    args: tuple,
    kwargs: dict,
    edges: list[Edge],
    factors: dict,
    shift: np.ndarray | None = None,
) -> Any:
    """The outputs of a call that reads only constants.

    Args:
        call: The call.
        args: Its arguments, arrays in the places of tensors.
        kwargs: Likewise.
        edges: The `Edge`s at the call.
        factors: Factors by name of group.
        shift: What constants that are gone add to the outputs of a Dense layer, or None.

    Returns:
        Arrays in the structure of the call's outputs, or None if they depend on the number of
        samples, or on whether the call trains.
    """
    kernels = scaled_kernels(edges, factors)

    def made_of(samples: int, **changes: bool) -> Any:
        def several(old: Any, new: Any) -> Any:
            axis = batch_axis(old)
            return new if axis is None else np.repeat(new, samples, axis)

        given = tree.map_structure(several, (call.args, call.kwargs), (args, kwargs))
        with keras.StatelessScope(kernels):
            if shift is None:
                outputs = call.op(*given[0], **given[1] | changes)
            else:
                outputs = _shifted(call.op, _in_place(call, *given)[0], shift)
        return tree.map_structure(ops.convert_to_numpy, outputs)

    outputs = made_of(1)
    others = []
    if any(batch_axis(tensor) is not None for tensor in call.inputs):
        others.append((2, made_of(2)))
    if call.trains:
        if "training" not in kwargs:
            return None
        others.append((1, made_of(1, training=False)))
    for samples, other in others:
        of_each = zip(*map(tree.flatten, (call.outputs, outputs, other)), strict=True)
        if not all(_is_alike(tensor, a, b, samples) for tensor, a, b in of_each):
            return None
    return outputs


def _in_place(call: Call, args: tuple, kwargs: dict) -> list:
    """The values in the places of the tensors among a call's arguments."""
    pairs = zip(tree.flatten((call.args, call.kwargs)), tree.flatten((args, kwargs)), strict=True)
    return [new for old, new in pairs if is_tensor(old)]


def _shifted(layer: keras.layers.Dense, x: Any, shift: np.ndarray) -> Any:
    """A Dense layer with something added to its bias, which it may lack."""
    x = ops.cast(x, layer.compute_dtype)
    outputs = ops.matmul(x, ops.cast(layer.kernel, x.dtype)) + ops.cast(shift, x.dtype)
    if layer.bias is not None:
        outputs += ops.cast(layer.bias, x.dtype)
    return outputs if layer.activation is None else layer.activation(outputs)


def _is_alike(tensor: keras.KerasTensor, one: np.ndarray, other: np.ndarray, samples: int) -> bool:
    """Whether a call makes the same of so many samples, for each of them, as of one."""
    # Sums may be taken in another order, and rounded to half precision.
    rounding = 1e-5 if one.dtype.itemsize > 2 else 0.02
    axis = batch_axis(tensor)
    expected = one if axis is None else np.take(one, [0] * samples, axis)
    if expected.shape != other.shape:
        return False
    expected, other = expected.astype("float64"), other.astype("float64")
    largest = np.nanmax(np.abs(expected), initial=0)
    return np.allclose(expected, other, rounding, rounding * largest, equal_nan=True)
