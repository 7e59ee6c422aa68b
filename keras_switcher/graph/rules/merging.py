"""Rules for layers that merge tensors: sums, products, concatenations."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, tree

from keras_switcher.graph.arguments import Kept
from keras_switcher.graph.call import Call, is_tensor
from keras_switcher.graph.labels import NO_CHANNEL
from keras_switcher.graph.reader import Reader
from keras_switcher.graph.registry import keras_rule, rule
from keras_switcher.graph.rules.broadcasting import add_broadcast


@rule(layers.Add, layers.Subtract, layers.Multiply, layers.Average)
@rule(layers.Maximum, layers.Minimum)
@keras_rule(layers=("CustomScaleLayer",))
def merge(call: Call, reader: Reader) -> None:
    """Combines tensors entry by entry: their channels are coupled."""
    tensors = call.inputs
    if _merges_arrays(call):
        reader.refuse(call, f"is merged by '{call.name}' with an array")
    elif len({len(tensor.shape) for tensor in tensors}) > 1:
        reader.refuse(call, f"is merged by '{call.name}' with a tensor of another rank")
    else:
        _combine(call, reader, tensors)
        if isinstance(call.op, (layers.Add, layers.Average)):
            for tensor in tensors[1:]:
                add_broadcast(call, reader, tensor.shape)


@keras_rule(
    operations=(
        *("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "DivideNoNan", "FloorDivide"),
        *("Maximum", "Minimum", "Power", "Mod", "Hypot", "Arctan2", "Logaddexp", "Where"),
        *("Greater", "GreaterEqual", "Less", "LessEqual", "Equal", "NotEqual"),
        *("LogicalAnd", "LogicalOr", "LogicalNot"),
    )
)
def arithmetic(call: Call, reader: Reader) -> None:
    """Combines tensors, or tensors and constants, entry by entry."""
    given = (*call.args, *call.kwargs.values())
    operands = [x if is_tensor(x) else np.asarray(x) for x in given]
    _combine(call, reader, operands)
    if type(call.op).__name__ == "Add":
        add_broadcast(call, reader, operands[-1].shape)


@rule(layers.Concatenate)
@keras_rule(operations=("Concatenate",))
def concatenate(call: Call, reader: Reader) -> None:
    """Lays the channels of tensors end to end; those along other axes are coupled."""
    if _merges_arrays(call):
        reader.refuse(call, f"is merged by '{call.name}' with an array")
        return
    tensors, rank = call.inputs, len(call.output.shape)
    along = call.op.axis % rank
    labelled = {axis for tensor in tensors for axis in reader.labelled_axes(tensor)}
    for axis in sorted(labelled):
        parts = [reader.channels(tensor, axis) for tensor in tensors]
        if axis == along:
            reader.label(call.output, axis, np.concatenate(parts))
        else:
            for part in parts[1:]:
                reader.couple(parts[0], part)
            reader.label(call.output, axis, parts[0])


def _merges_arrays(call: Call) -> bool:
    values = tree.flatten((call.args, call.kwargs))
    return any(not is_tensor(value) and np.ndim(value) for value in values)


def _combine(
    call: Call, reader: Reader, operands: Sequence[keras.KerasTensor | np.ndarray]
) -> None:
    """Entry by entry, with broadcasting: channels at the same places go together.

    Constant arrays among the operands lose the entries of channels that go.
    """
    rank, constants = len(call.output.shape), []
    for axis in range(rank):
        sides = []
        for place, operand in enumerate(operands):
            own = axis - rank + len(operand.shape)
            if own < 0:
                continue
            ids = reader.channels(operand, own) if is_tensor(operand) else None
            if operand.shape[own] != 1 or call.output.shape[axis] == 1:
                sides.append((place, own, ids))
            elif ids is not None:
                reader.lock(ids, f"is broadcast over the channels of others by '{call.name}'")
        known = [ids for *_, ids in sides if ids is not None]
        some = [ids for ids in known if np.any(ids != NO_CHANNEL)]
        labelled = next((ids for ids in some if not reader.follows(ids)), None)
        if labelled is None and len(some) == len(known):
            labelled = next(iter(some), None)
        if labelled is None:  # Of own weights, beside tensors of which nothing is known.
            continue
        if any(len(ids) != len(labelled) for ids in known):
            for ids in known:
                reader.lock(ids, f"is combined by '{call.name}' with a tensor of open size")
            continue
        for ids in known:
            free = (labelled == NO_CHANNEL) & reader.follows(ids)
            reader.couple(labelled[~free], ids[~free])
        constants += [(place, own, labelled) for place, own, ids in sides if ids is None]
        reader.label(call.output, axis, labelled)

    def without_entries(kept: Kept, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        values = [*args, *kwargs.values()]
        for place, axis, ids in constants:
            values[place] = np.compress(kept(ids), values[place], axis=axis)
        return tuple(values[: len(args)]), dict(zip(kwargs, values[len(args) :], strict=True))

    if constants:
        reader.adapt(call, without_entries)
