"""Rules for layers that merge tensors: sums, products, concatenations."""

import numpy as np
from keras import layers, tree

from keras_switcher.graph.call import Call, is_tensor
from keras_switcher.graph.reader import Reader
from keras_switcher.graph.registry import keras_rule, rule
from keras_switcher.graph.rules.broadcasting import add_broadcast
from keras_switcher.graph.rules.letters import Operands, aligned, combine


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
        *("LogicalAnd", "LogicalOr", "LogicalNot", "LogicalXor", "Fmax", "Fmin", "Fmod"),
        *("Heaviside", "Logaddexp2", "Nextafter", "Ldexp", "Gcd", "Lcm", "Polar", "FullLike"),
        *("BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseLeftShift", "BitwiseRightShift"),
        *("LeftShift", "RightShift", "Isclose", "BinaryCrossentropy"),
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
@keras_rule(operations=("Concatenate", "Append", "Hstack", "Vstack", "Dstack"))
def concatenate(call: Call, reader: Reader) -> None:
    """Lays the channels of tensors end to end; those along other axes are coupled."""
    if _merges_arrays(call):
        reader.refuse(call, f"is merged by '{call.name}' with an array")
        return
    tensors, rank = call.inputs, len(call.output.shape)
    named = {"Hstack": min(1, rank - 1), "Vstack": 0, "Dstack": 2}.get(type(call.op).__name__)
    along = call.op.axis if named is None else named
    if along is None or any(len(tensor.shape) != rank for tensor in tensors):
        reader.refuse(call, f"is flattened, or gains an axis, in '{call.name}'")
        return
    along %= rank
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


def _combine(call: Call, reader: Reader, operands: Operands) -> None:
    """Entry by entry, with broadcasting."""
    rank = len(call.output.shape)
    letters = [aligned(len(operand.shape), rank) for operand in operands]
    combine(call, reader, operands, letters, aligned(rank, rank))
