"""Rules for operations that slice, pad or split the channel axis."""

from typing import Any

import keras
import numpy as np
from keras import tree

from keras_switcher.graph.arguments import Kept
from keras_switcher.graph.call import Call, is_tensor
from keras_switcher.graph.reader import Reader
from keras_switcher.graph.registry import keras_rule


@keras_rule(operations=("GetItem",))
def get_item(call: Call, reader: Reader) -> None:
    """Slices: a channel axis may be cut, or left whole by an index along another axis."""
    tensor, key = (*call.args, *call.kwargs.values())
    # A list is what a file makes of a tuple.
    key = tuple(key) if isinstance(key, (tuple, list)) else (key,)
    plain = all(part is None or isinstance(part, (int, slice, type(...))) for part in key)
    if not plain:
        reader.refuse(call, f"is indexed by arrays in '{call.name}'")
        return
    whole = len(tensor.shape) - sum(part is not None and part is not ... for part in key)
    if ... not in key:
        key = (*key, ...)
    place = key.index(...)
    key = (*key[:place], *[slice(None)] * whole, *key[place + 1 :])
    cuts, axis, to = {}, 0, 0
    for place, part in enumerate(key):
        if part is None:
            to += 1
            continue
        ids = reader.channels(tensor, axis)
        if part == 0 and _sizes_matter_only(call, reader):
            pass
        elif isinstance(part, int):
            reader.lock(ids, f"is indexed by a number in '{call.name}'")
        elif len(ids) and tensor.shape[axis] is None:  # Among the samples.
            if part != slice(None):
                reader.lock(ids, f"lies among the samples that '{call.name}' slices")
            reader.label(call.output, to, ids)
            to += 1
        elif part.step not in (None, 1):
            reader.lock(ids, f"is sliced with steps in '{call.name}'")
            to += 1
        else:
            start, stop, _ = part.indices(len(ids))
            reader.label(call.output, to, ids[start:stop])
            cuts[place] = (ids, start, stop)
            to += 1
        axis += 1

    def shorter(kept: Kept, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        new = list(key)
        for place, (ids, start, stop) in cuts.items():
            stay = kept(ids)
            if not stay.all():  # What lies behind counts, too: bounds may be given from the end.
                before = int(stay[:start].sum())
                new[place] = slice(before, before + int(stay[start:stop].sum()))
        return (args[0] if args else next(iter(kwargs.values())), tuple(new)), {}

    reader.adapt(call, shorter)


def _sizes_matter_only(call: Call, reader: Reader) -> bool:
    """Whether ones or zeros are made of what a call returns: any channel would do."""
    made = {type(each.op).__name__ for each in reader.readers.get(id(call.output), ())}
    is_output = any(call.output is x for x in tree.flatten(reader.graph.outputs))
    return bool(made) and made <= {"OnesLike", "ZerosLike"} and not is_output


@keras_rule(operations=("Slice",))
def block(call: Call, reader: Reader) -> None:
    """A block of entries: channels along axes that it has whole pass."""
    tensor, shape = call.inputs[0], [*call.op.shape]
    for axis, ids in reader.labels(tensor).items():
        if len(ids) == call.output.shape[axis]:
            reader.label(call.output, axis, ids)
            shape[axis] = ids
        else:
            reader.lock(ids, f"is sliced by '{call.name}'")
    reader.resize(call, shape=shape)


@keras_rule(operations=("Split", "ArraySplit", "Hsplit", "Vsplit", "Dsplit"))
def split(call: Call, reader: Reader) -> None:
    """Cuts an axis into parts; each part has its own channels."""
    rank = len(call.input.shape)
    named = {"Hsplit": min(1, rank - 1), "Vsplit": 0, "Dsplit": 2}.get(type(call.op).__name__)
    axis = call.op.axis % rank if named is None else named
    parts = tree.flatten(call.outputs)
    ids = reader.channels(call.input, axis)
    labels = reader.labels(call.input)
    for other, whole in labels.items():
        if other != axis:
            for part in parts:
                reader.label(part, other, whole)
    if axis in labels and type(call.op).__name__ == "ArraySplit":
        reader.lock(ids, f"is split by '{call.name}', which cannot be told other sizes")
    elif axis in labels:
        ends = np.cumsum([part.shape[axis] for part in parts])
        for end, part in zip(ends, parts, strict=True):
            reader.label(part, axis, ids[end - part.shape[axis] : end])
        reader.resize(call, indices_or_sections=[ids[:end] for end in ends[:-1]])


@keras_rule(operations=("Take",))
def take(call: Call, reader: Reader) -> None:
    """A gather of fixed positions; also what compaction itself puts into a network.

    Positions that are computed, or in several axes, take the place of the axis that they are
    looked up along: channels along the others pass.
    """
    tensor, indices = (*call.args, *call.kwargs.values())
    axis = call.op.axis
    if axis is None:
        reader.refuse(call, f"is flattened and gathered by '{call.name}'")
        return
    axis %= len(tensor.shape)
    if is_tensor(indices) or np.ndim(indices) != 1:
        _look_up(call, reader, tensor, indices, axis)
        return
    indices = np.asarray(indices)
    ids = reader.channels(tensor, axis)
    for other, whole in reader.labels(tensor).items():
        reader.label(call.output, other, ids[indices] if other == axis else whole)

    def renumbered(kept: Kept, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        stay = kept(ids)
        left = indices[stay[indices]] if len(ids) else indices
        moved = np.cumsum(stay)[left % len(ids)] - 1 if len(ids) else left
        return (args[0] if args else next(iter(kwargs.values())), moved.tolist()), {}

    if axis in reader.labelled_axes(tensor):
        reader.adapt(call, renumbered)


def _look_up(call: Call, reader: Reader, table: keras.KerasTensor, indices: Any, axis: int) -> None:
    """A gather along an axis of which nothing can be removed, into any number of axes."""
    reason = f"is looked up by '{call.name}'"
    for ids in reader.labels(indices).values() if is_tensor(indices) else ():
        reader.lock(ids, reason)
    more = len(call.output.shape) - len(table.shape)
    for other, ids in reader.labels(table).items() if is_tensor(table) else ():
        if other == axis:
            reader.lock(ids, reason)
        else:
            reader.label(call.output, other + more * (other > axis), ids)


@keras_rule(operations=("Pad",))
def pad(call: Call, reader: Reader) -> None:
    """What is padded is constant: it goes with the channels that are combined with it, if any."""
    widths: list = np.broadcast_to(call.op.pad_width, (len(call.input.shape), 2)).tolist()
    for axis, ids in reader.labels(call.input).items():
        before, after = widths[axis]
        if before or after:
            if call.op.mode != "constant" or np.ndim(call.kwargs.get("constant_values") or 0):
                reader.lock(ids, f"is padded by '{call.name}' with other channels or an array")
                continue
            widths[axis] = [reader.number(before), reader.number(after)]
            ids = np.concatenate([widths[axis][0], ids, widths[axis][1]])
        reader.label(call.output, axis, ids)
    reader.resize(call, pad_width=widths)


@keras_rule(operations=("Flip", "Fliplr", "Flipud"))
def flip(call: Call, reader: Reader) -> None:
    """Reverses the order of channels along its axes."""
    rank = len(call.input.shape)
    named = {"Fliplr": 1, "Flipud": 0}.get(type(call.op).__name__)
    axes = call.op.axis if named is None else named
    flipped = range(rank) if axes is None else [axis % rank for axis in np.atleast_1d(axes)]
    for axis, ids in reader.labels(call.input).items():
        reader.label(call.output, axis, ids[::-1].copy() if axis in flipped else ids)


@keras_rule(operations=("Roll",))
def roll(call: Call, reader: Reader) -> None:
    """Moves channels from the end of an axis to its beginning: as many as are left of them."""
    rank, shift = len(call.input.shape), call.op.shift
    if call.op.axis is None:
        reader.refuse(call, f"is rolled by '{call.name}' along all axes at once")
        return
    several = isinstance(call.op.axis, (list, tuple))
    axes = [axis % rank for axis in np.atleast_1d(call.op.axis)]
    shifts: list = np.broadcast_to(shift, len(axes)).tolist()
    for axis, ids in reader.labels(call.input).items():
        if axes.count(axis) > 1:
            reader.lock(ids, f"is rolled by '{call.name}' more than once")
        elif axis in axes and len(ids):
            place = axes.index(axis)
            moved = len(ids) - shifts[place] % len(ids)
            shifts[place] = ids[moved:]
            ids = np.concatenate([ids[moved:], ids[:moved]])
        reader.label(call.output, axis, ids)
    reader.resize(call, shift=shifts if several else shifts[0])
