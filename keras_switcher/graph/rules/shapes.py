"""Rules for layers that move channels to other axes: reshaping, transposing, stacking."""

from collections.abc import Iterable

import numpy as np
from keras import layers, tree

from keras_switcher.graph.call import Call
from keras_switcher.graph.reader import Reader
from keras_switcher.graph.registry import keras_rule, rule
from keras_switcher.graph.rules.regrouping import regroup_channels


@rule(layers.Flatten)
def flatten(call: Call, reader: Reader) -> None:
    """Each channel is repeated at all positions."""
    tensor = call.input
    *others, axis = reader.labelled_axes(tensor) or [0]
    for other in others:  # A position has one channel: the last axis is followed.
        reason = f"is flattened by '{call.name}' together with other channels"
        reader.lock(reader.channels(tensor, other), reason)
    if axis == 0:
        reader.refuse(call, f"lies along the samples that '{call.name}' flattens")
        return
    if None in tensor.shape[1:]:
        reader.refuse(call, f"is flattened by '{call.name}', whose input has an open size")
        return
    ids, shape, axis = reader.channels(tensor, axis), list(tensor.shape[1:]), axis - 1
    if call.op.data_format == "channels_first":  # Flatten moves the channels to the end first.
        shape, axis = shape[1:] + shape[:1], (axis - 1) % len(shape)
    along = [-1 if i == axis else 1 for i in range(len(shape))]
    reader.label(call.output, -1, np.broadcast_to(ids.reshape(along), shape).reshape(-1))


@rule(layers.Reshape)
def reshape_layer(call: Call, reader: Reader) -> None:
    """Channels move as the entries do; the target shape shrinks with them."""
    made = regroup_channels(call, reader)
    shape = [*call.op.target_shape]
    reader.resize(call, target_shape=_with_ids(shape, made, offset=1))


@keras_rule(operations=("Reshape",))
def reshape(call: Call, reader: Reader) -> None:
    """As the layer; its shape includes the samples."""
    made = regroup_channels(call, reader)
    reader.resize(call, newshape=_with_ids([*call.op.newshape], made, offset=0))


@keras_rule(operations=("ExpandDims", "Ravel"))
def regroup(call: Call, reader: Reader) -> None:
    """Axes of size one come and go."""
    regroup_channels(call, reader)


@keras_rule(operations=("Squeeze",))
def squeeze(call: Call, reader: Reader) -> None:
    """Removes axes of size one that are named."""
    if call.op.axis is None:
        reader.refuse(call, f"is squeezed by '{call.name}': one channel left would vanish")
    else:
        regroup_channels(call, reader)


@rule(layers.RepeatVector)
def repeat_vector(call: Call, reader: Reader) -> None:
    """Channels stay the last axis."""
    reader.label(call.output, -1, reader.channels(call.input, -1))


@keras_rule(operations=("Repeat",))
def repeat(call: Call, reader: Reader) -> None:
    """Each channel is repeated after itself; as many of all."""
    axis, repeats = call.op.axis, np.atleast_1d(call.op.repeats)
    if axis is None:
        reader.refuse(call, f"is flattened and repeated by '{call.name}'")
        return
    axis %= len(call.input.shape)
    reader.pass_on(call, passed=[axis])
    ids = reader.channels(call.input, axis)
    if len(repeats) > 1:
        reader.lock(ids, f"is repeated by '{call.name}', not as often as others")
    reader.label(call.output, axis, np.repeat(ids, repeats))


@rule(layers.Permute)
def permute(call: Call, reader: Reader) -> None:
    """Channels move with their axis; the samples are not counted."""
    _transpose(call, reader, (0, *call.op.dims))


@keras_rule(operations=("Transpose",))
def transpose(call: Call, reader: Reader) -> None:
    """Channels move with their axis."""
    rank = len(call.input.shape)
    axes = call.op.axes or tuple(reversed(range(rank)))
    _transpose(call, reader, [axis % rank for axis in axes])


@keras_rule(operations=("Swapaxes",))
def swapaxes(call: Call, reader: Reader) -> None:
    """Channels move with their axis."""
    order = np.arange(len(call.input.shape))
    pair = [call.op.axis1, call.op.axis2]
    order[pair] = order[pair[::-1]]
    _transpose(call, reader, order)


@keras_rule(operations=("Moveaxis",))
def moveaxis(call: Call, reader: Reader) -> None:
    """Channels move with their axis."""
    sizes = np.empty(range(1, len(call.input.shape) + 1))  # Its shape names the axes.
    moved = np.moveaxis(sizes, call.op.source, call.op.destination).shape
    _transpose(call, reader, [size - 1 for size in moved])


@keras_rule(operations=("Stack",))
def stack(call: Call, reader: Reader) -> None:
    """Lays tensors side by side along a new axis: their channels are coupled."""
    tensors = call.inputs
    new = call.op.axis % len(call.output.shape)
    for axis in sorted({axis for tensor in tensors for axis in reader.labelled_axes(tensor)}):
        first, *others = (reader.channels(tensor, axis) for tensor in tensors)
        for ids in others:
            reader.couple(first, ids)
        reader.label(call.output, axis + (axis >= new), first)


@keras_rule(operations=("Unstack",))
def unstack(call: Call, reader: Reader) -> None:
    """Takes tensors apart along an axis; those along others pass."""
    gone = call.op.axis % len(call.input.shape)
    for axis, ids in reader.labels(call.input).items():
        if axis == gone:
            reader.lock(ids, f"is taken apart by '{call.name}'")
        for tensor in tree.flatten(call.outputs) if axis != gone else ():
            reader.label(tensor, axis - (axis > gone), ids)


@keras_rule(operations=("Tile",))
def tile(call: Call, reader: Reader) -> None:
    """All channels are repeated, one after the other."""
    rank, new = len(call.input.shape), len(call.output.shape)
    repeats = [1] * new + np.atleast_1d(call.op.repeats).tolist()
    for axis, ids in reader.labels(call.input).items():
        reader.label(call.output, axis - rank, np.tile(ids, repeats[axis - rank]))


@keras_rule(operations=("BroadcastTo",))
def broadcast_to(call: Call, reader: Reader) -> None:
    """Axes of size one are repeated; the shape shrinks with channels along others."""
    rank, shape = len(call.input.shape), [*call.op.shape]
    for axis, ids in reader.labels(call.input).items():
        if len(ids) == call.output.shape[axis - rank]:
            reader.label(call.output, axis - rank, ids)
            shape[axis - rank] = ids
        else:
            reader.lock(ids, f"is broadcast by '{call.name}'")
    reader.resize(call, shape=shape)


def _transpose(call: Call, reader: Reader, order: Iterable[int]) -> None:
    for to, axis in enumerate(order):
        reader.label(call.output, to, reader.channels(call.input, int(axis)))


def _with_ids(shape: list, made: dict[int, np.ndarray], offset: int) -> list:
    """A target shape with ids in the places of the axes that shrink."""
    return [made.get(axis + offset, size) for axis, size in enumerate(shape)]
