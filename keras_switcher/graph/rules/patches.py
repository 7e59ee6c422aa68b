"""Rules for operations that move blocks of positions into channels, and back."""

from math import prod

import numpy as np
from keras import ops

from keras_switcher.graph.call import Call
from keras_switcher.graph.reader import Reader
from keras_switcher.graph.registry import keras_rule
from keras_switcher.graph.rules.channelwise import channel_axis


@keras_rule(operations=("SpaceToDepth",))
def space_to_depth(call: Call, reader: Reader) -> None:
    """Each channel is there once per position of a block."""
    axis = channel_axis(call)
    reader.pass_on(call, axes=[], passed=[axis])
    ids = reader.channels(call.input, axis)
    if axis not in reader.labelled_axes(call.input):
        return
    size, last = call.op.block_size, axis > 1
    block = np.broadcast_to(np.arange(len(ids)), (1, size, size, len(ids)))
    order = _run(call, block if last else block.transpose(0, 3, 1, 2))
    reader.label(call.output, axis, ids[order.reshape(-1)])


@keras_rule(operations=("DepthToSpace",))
def depth_to_space(call: Call, reader: Reader) -> None:
    """Channels become the positions of a block: those that become one channel go together."""
    axis = channel_axis(call)
    reader.pass_on(call, axes=[], passed=[axis])
    ids, last = reader.channels(call.input, axis), axis > 1
    if axis not in reader.labelled_axes(call.input):
        return
    numbers = np.arange(len(ids))
    order = _run(call, numbers.reshape((1, 1, 1, -1) if last else (1, -1, 1, 1)))
    order = order[0].transpose(2, 0, 1) if last else order[0]  # The channels come first.
    _merge(call, reader, axis, ids[order.reshape(len(order), -1)])


@keras_rule(operations=("Unfold",))
def unfold(call: Call, reader: Reader) -> None:
    """Each channel is there once per position of a block, one after the other."""
    reader.pass_on(call, axes=[], passed=[1])
    ids = reader.channels(call.input, 1)
    reader.label(call.output, 1, np.repeat(ids, _block(call)))


@keras_rule(operations=("Fold",))
def fold(call: Call, reader: Reader) -> None:
    """As many entries as a block has positions become one channel: they go together."""
    reader.pass_on(call, axes=[], passed=[1])
    ids = reader.channels(call.input, 1)
    _merge(call, reader, 1, ids.reshape(-1, _block(call)))


@keras_rule(operations=("ExtractPatches",))
def extract_patches(call: Call, reader: Reader) -> None:
    """All channels of the first position of a patch, then all of the next one."""
    axis = channel_axis(call)
    reader.pass_on(call, axes=[], passed=[axis])
    ids = reader.channels(call.input, axis)
    times = call.output.shape[axis] // len(ids) if len(ids) else 1
    reader.label(call.output, axis, np.tile(ids, times))


def _merge(call: Call, reader: Reader, axis: int, ids: np.ndarray) -> None:
    """Couples the ids of each row of a matrix, which become one channel."""
    for others in ids.T[1:]:
        reader.couple(ids[:, 0], others)
    reader.label(call.output, axis, ids[:, 0])


def _block(call: Call) -> int:
    return prod(np.broadcast_to(call.op.kernel_size, 2).tolist())


def _run(call: Call, numbers: np.ndarray) -> np.ndarray:
    """What the operation itself makes of numbers: in which order, each backend decides."""
    made = call.op.call(ops.convert_to_tensor(np.ascontiguousarray(numbers), "float32"))
    return np.asarray(ops.convert_to_numpy(made), int)
