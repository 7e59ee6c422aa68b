"""Regrouping: where channels lie behind a change of shape that keeps the order of the entries."""

from collections.abc import Iterator
from math import prod

import numpy as np

from keras_switcher.graph.call import Call
from keras_switcher.graph.reader import Reader
from keras_switcher.tensors import Shape


def regroup_channels(call: Call, reader: Reader) -> dict[int, np.ndarray]:
    """Follows channels through a change of shape that keeps the order of the entries.

    Axes fall into blocks with equal products before and after. Channels that are merged with
    other axes repeat along the new one; channels that are split are coupled across all axes of
    their block but one, so that what is left is a shape again.

    Returns:
        Maps axes of the output that become shorter when channels go to the ids along them.
    """
    made: dict[int, np.ndarray] = {}
    tensor, output = call.input, call.output
    labels = reader.labels(tensor)
    for before, after in _blocks(tensor.shape, output.shape):
        labelled = [axis for axis in before if axis in labels]
        if not labelled:
            continue
        sizes = [tensor.shape[axis] for axis in before]
        if None in sizes and (among := _among_samples(call, reader, before, after)) is not None:
            made |= among
            continue
        to = [axis for axis in after if output.shape[axis] != 1] or after[-1:]
        followed = () if None in sizes or not to else labelled[-1:]
        for axis in labelled:
            if axis not in followed:
                reader.lock(labels[axis], f"is reshaped by '{call.name}' with other axes")
        if not followed:
            continue
        along = [-1 if axis == labelled[-1] else 1 for axis in before]
        ids = labels[labelled[-1]].reshape(along)
        split = np.broadcast_to(ids, sizes).reshape([output.shape[axis] for axis in to])
        chosen = to[0] if len(to) == 1 else reader.choose_axis(call, to, ids.reshape(-1))
        split = np.moveaxis(split, to.index(chosen), -1).reshape(-1, output.shape[chosen])
        for row in split[1:]:
            reader.couple(split[0], row)
        reader.label(output, chosen, split[0])
        made[chosen] = split[0]
    return made


def _among_samples(
    call: Call, reader: Reader, before: list[int], after: list[int]
) -> dict[int, np.ndarray] | None:
    """Follows channels that are merged with an open number of samples, or split off it again.

    Attention in which each head is a sample of its own does so. Along an open axis lie as many ids
    as belong to one sample, again and again.

    Args:
        call: The call.
        reader: The reader.
        before: A block of axes of its input.
        after: The axes of its output with the same entries.

    Returns:
        The ids along axes of known sizes, as `regroup_channels`; None where they are not followed.
    """
    shapes = [
        [tensor.shape[axis] for axis in axes]
        for tensor, axes in ((call.input, before), (call.output, after))
    ]
    if any(shape[:1] != [None] or None in shape[1:] for shape in shapes):
        return None
    (_, *inner), (_, *outer) = shapes
    labels = reader.labels(call.input)
    labelled = [axis for axis in before if axis in labels]
    if len(labelled) > 1:
        return None
    ids = labels[labelled[0]]
    if labelled[0] != before[0]:
        ids = ids.reshape([-1 if axis == labelled[0] else 1 for axis in before[1:]])
        ids = np.broadcast_to(ids, inner).reshape(-1)
    elif inner:
        return None
    size, period = prod(outer), len(ids)
    rows = np.resize(ids, max(size, period)).reshape(-1, size) if outer else ids[:, None]
    if max(size, period) % min(size, period) or ((rows != rows[:1]).any() and outer):
        return None
    if not outer:
        reader.label(call.output, after[0], ids)
        return {}
    table = rows[0].reshape(outer)
    for place, axis in enumerate(after[1:]):
        along = np.moveaxis(table, place, -1).reshape(-1, outer[place])
        if (along == along[:1]).all():
            reader.label(call.output, axis, along[0].copy())
            return {axis: along[0].copy()}
    return None


def _blocks(before: Shape, after: Shape) -> Iterator[tuple[list[int], list[int]]]:
    """Pairs of lists of axes with equal products, from the last axis to the first."""
    i, j = len(before), len(after)
    while i > 0 and j > 0:
        left, right = [i := i - 1], [j := j - 1]
        old, new = before[i], after[j]
        while old is not None and new is not None and old != new:
            if old < new:
                left.insert(0, i := i - 1)
                more = before[i]
                old = None if more is None else old * more
            else:
                right.insert(0, j := j - 1)
                more = after[j]
                new = None if more is None else new * more
        if old != new:  # Open sizes: whatever is left is one block.
            left, right = [*range(i), *left], [*range(j), *right]
            i = j = 0
            while min(len(left), len(right)) > 1 and None is not before[left[0]] == after[right[0]]:
                yield [left.pop(0)], [right.pop(0)]
        yield left, right
