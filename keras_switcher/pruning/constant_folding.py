"""Folds away the branches that read nothing any more, because a group has become empty.

Such a branch computes a constant. While a graph is replayed, constants stand as arrays, with all
their channels, in the places of its tensors, up to where one meets a tensor (`constant_merging`).
"""

import keras
import numpy as np
from keras import ops, tree

from keras_switcher.graph.call import Call
from keras_switcher.graph.tensors import is_tensor, samples_axis
from keras_switcher.layers.gated import scaled


def constants(call: Call, args: tuple, kwargs: dict) -> list[bool]:
    """For each tensor among a call's arguments, whether a constant has taken its place."""
    return [not is_tensor(value) for value in _in_place(call, args, kwargs)]


def zeros(tensor, call: Call) -> np.ndarray:
    """What stands for a tensor of which nothing is read.

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


def nothing(call: Call) -> tuple[tuple, dict]:
    """The arguments of a call of which no channel is read."""

    def of_none(x):
        return zeros(x, call) if is_tensor(x) else x

    return tree.map_structure(of_none, (call.args, call.kwargs))


def evaluate(call: Call, args: tuple, kwargs: dict, edge, factors: dict, shift=None):
    """What a call makes of constants.

    Args:
        call: The call.
        args: Its arguments, arrays in the places of tensors.
        kwargs: Likewise.
        edge: The `Edge` at the call, or None.
        factors: Factors by name of group.
        shift: What constants that are gone add to the outputs of a Dense layer, or None.

    Returns:
        Arrays in the structure of the call's outputs, or None if they depend on the number of
        samples, or on whether the call trains.
    """
    scales = edge.scales(factors, np) if edge is not None else None
    kernels = []
    if scales is not None:
        kernels = [(edge.kernel, scaled(edge.kernel, scales, edge.kernel_axis))]

    def made_of(samples, **changes):
        def several(old, new):
            axis = samples_axis(old)
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
    if any(samples_axis(tensor) is not None for tensor in call.inputs):
        others.append((2, made_of(2)))
    if call.trains:
        if "training" not in kwargs:
            return None
        others.append((1, made_of(1, training=False)))
    for samples, other in others:
        of_each = zip(*map(tree.flatten, (call.outputs, outputs, other)), strict=True)
        if not all(_is_alike(*of_one, samples) for of_one in of_each):
            return None
    return outputs


def _in_place(call, args, kwargs):
    """What has taken the places of the tensors among a call's arguments."""
    pairs = zip(tree.flatten((call.args, call.kwargs)), tree.flatten((args, kwargs)), strict=True)
    return [new for old, new in pairs if is_tensor(old)]


def _shifted(layer, x, shift):
    """A Dense layer with something added to its bias, which it may lack."""
    x = ops.cast(x, layer.compute_dtype)
    outputs = ops.matmul(x, ops.cast(layer.kernel, x.dtype)) + ops.cast(shift, x.dtype)
    if layer.bias is not None:
        outputs += ops.cast(layer.bias, x.dtype)
    return outputs if layer.activation is None else layer.activation(outputs)


def _is_alike(tensor, one, other, samples):
    """Whether a call makes the same of so many samples, for each of them, as of one."""
    # Sums may be taken in another order, and rounded to half precision.
    rounding = 1e-5 if one.dtype.itemsize > 2 else 0.02
    axis = samples_axis(tensor)
    expected = one if axis is None else np.take(one, [0] * samples, axis)
    if expected.shape != other.shape:
        return False
    expected, other = expected.astype("float64"), other.astype("float64")
    largest = np.nanmax(np.abs(expected), initial=0)
    return np.allclose(expected, other, rounding, rounding * largest, equal_nan=True)
