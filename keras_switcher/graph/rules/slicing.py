"""Rules for operations that slice, pad or split the channel axis."""

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
        if isinstance(part, int):
            reader.lock(ids, f"is indexed by a number in '{call.name}'")
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


@keras_rule(operations=("Split",))
def split(call: Call, reader: Reader) -> None:
    """Cuts an axis into parts; each part has its own channels."""
    axis = call.op.axis % len(call.input.shape)
    parts = tree.flatten(call.outputs)
    ids = reader.channels(call.input, axis)
    labels = reader.labels(call.input)
    for other, whole in labels.items():
        if other != axis:
            for part in parts:
                reader.label(part, other, whole)
    if axis in labels:
        ends = np.cumsum([part.shape[axis] for part in parts])
        for end, part in zip(ends, parts, strict=True):
            reader.label(part, axis, ids[end - part.shape[axis] : end])
        reader.resize(call, indices_or_sections=[ids[:end] for end in ends[:-1]])


@keras_rule(operations=("Take",))
def take(call: Call, reader: Reader) -> None:
    """A gather of fixed positions; also what compaction itself puts into a network."""
    tensor, indices = (*call.args, *call.kwargs.values())
    axis = call.op.axis
    if axis is None or is_tensor(indices) or np.ndim(indices) != 1:
        reader.refuse(call, f"is gathered by '{call.name}'")
        return
    axis, indices = axis % len(tensor.shape), np.asarray(indices)
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


@keras_rule(operations=("Pad",))
def pad(call: Call, reader: Reader) -> None:
    """Channels along axes that are not padded pass."""
    widths = np.broadcast_to(call.op.pad_width, (len(call.input.shape), 2))
    reader.pass_on(call, axes=np.flatnonzero((widths == 0).all(1)).tolist())
