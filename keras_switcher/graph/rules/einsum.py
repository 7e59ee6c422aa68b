"""Rules for products whose equation says which axes are mixed: einsum, matrix products."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers

from keras_switcher.graph.call import Call, is_tensor
from keras_switcher.graph.elementwise import unwrapped, why_mixing
from keras_switcher.graph.equations import letters_of
from keras_switcher.graph.reader import Reader
from keras_switcher.graph.registry import keras_rule, rule
from keras_switcher.graph.rules.broadcasting import add_broadcast
from keras_switcher.graph.rules.channelwise import carry_alpha
from keras_switcher.graph.rules.letters import Operands, combine
from keras_switcher.graph.rules.mixing import is_altered
from keras_switcher.graph.rules.own_weight import own_weight, returns_weight

# What lies along the first of several axes that a kernel makes, as in the name of its group.
HEADS = "heads"


@rule(layers.EinsumDense)
def einsum_dense(call: Call, reader: Reader) -> None:
    """Its kernel mixes channels along each letter that its inputs have and its outputs lack.

    Of several axes that it makes, the first becomes heads and the last channels; others stay whole.
    """
    layer = call.op
    if is_altered(call, reader):
        return
    if returns_weight(layer):
        own_weight(call, reader)
        return
    ranks = [len(call.input.shape), len(layer.kernel.shape)]
    (inputs, of_kernel), outputs = letters_of(layer.equation, ranks)
    positions = [axis for axis, letter in enumerate(inputs) if axis and letter not in of_kernel]
    sizes = reader.sizes_along(call.input, positions)
    if 0 in reader.labelled_axes(call.input):
        sizes.append("its samples are heads of others")
    reader.count_kernel(call, layer.kernel, sizes)
    if any(len(set(part)) < len(part) for part in (inputs, of_kernel)):
        reader.refuse(call, f"goes through the equation {layer.equation} of '{call.name}'")
        return
    why = why_mixing(call, reader)
    if why is not None:
        reader.refuse(call, why)
        return
    along: dict[int, np.ndarray] = {}  # The ids along the axes of the output.
    for axis, ids in reader.labels(call.input).items():
        letter = inputs[axis]
        if letter in outputs:
            along[outputs.index(letter)] = ids
            if letter in of_kernel:  # Each channel has a kernel of its own.
                reader.carry(layer.kernel, of_kernel.index(letter), ids)
        elif letter not in of_kernel:
            reader.lock(ids, f"is summed over by '{call.name}', before its kernel")
    for letter in of_kernel:
        if letter in inputs and letter not in outputs:
            reader.consume(call, layer.kernel, of_kernel.index(letter), inputs.index(letter))
    made = [letter for letter in of_kernel if letter in outputs and letter not in inputs]
    for letter, part in zip(made[-1:] + made[:-1][:1], (None, HEADS), strict=False):
        ids = reader.produce(call, layer.kernel, of_kernel.index(letter), part)
        along[outputs.index(letter)] = ids
    _label_outputs(call, reader, along)


def _label_outputs(call: Call, reader: Reader, along: dict[int, np.ndarray]) -> None:
    """What an EinsumDense makes: its bias, activation and output shape go with it."""
    layer, rank = call.op, len(call.output.shape)
    shape = list(layer.partial_output_shape)
    if sum(each.op is layer for each in reader.graph.calls) == 1:  # Some leave open what is known.
        known = call.output.shape[-len(shape) :] if shape else ()
        shape = [b if a is None else a for a, b in zip(shape, known, strict=True)]
    for axis, ids in along.items():
        reader.label(call.output, axis, ids)
        if axis and shape[axis - rank] is not None:
            shape[axis - rank] = ids
        if layer.bias is not None:
            lacking = rank - len(layer.bias.shape)
            if axis >= lacking and layer.bias.shape[axis - lacking] > 1:
                reader.carry(layer.bias, axis - lacking, ids)
    reader.resize(call, output_shape=shape)
    carry_alpha(unwrapped(layer.activation), call.output, reader)
    if layer.bias is not None:
        add_broadcast(call, reader, layer.bias.shape)


@keras_rule(operations=("Einsum",))
def einsum(call: Call, reader: Reader) -> None:
    """Combines tensors, or tensors and constants, by an equation."""
    operands = _operands(call)
    letters, made = letters_of(call.op.subscripts, [len(operand.shape) for operand in operands])
    combine(call, reader, operands, letters, made)


@keras_rule(operations=("Matmul",))
def matmul(call: Call, reader: Reader) -> None:
    """Mixes the last axis of one tensor with the last but one of the other."""
    one, other = _operands(call)
    rank = max(len(one.shape), len(other.shape))
    stacked = [[*range(rank - len(x.shape), rank - 2)] for x in (one, other)]
    row, column = ["row"][: len(one.shape) - 1], ["column"][: len(other.shape) - 1]
    letters = [[*stacked[0], *row, "mixed"], [*stacked[1], "mixed", *column]]
    combine(call, reader, [one, other], letters, [*max(stacked, key=len), *row, *column])


@keras_rule(operations=("Dot",))
def dot(call: Call, reader: Reader) -> None:
    """As a matrix product, of each matrix in one tensor with each one in the other."""
    one, other = _operands(call)
    axes = [[-1], [max(-2, -len(other.shape))]] if one.shape and other.shape else [[], []]
    _contract(call, reader, [one, other], axes)


@keras_rule(operations=("Tensordot",))
def tensordot(call: Call, reader: Reader) -> None:
    """Mixes the axes that are named with one another."""
    operands, axes = _operands(call), call.op.axes
    if isinstance(axes, int):
        axes = [range(-axes, 0), range(axes)]
    _contract(call, reader, operands, [np.atleast_1d(each).tolist() for each in axes])


@rule(layers.Dot)
def dot_layer(call: Call, reader: Reader) -> None:
    """Mixes one axis of each of two tensors, for each sample by itself."""
    axes = call.op.axes
    axes = [axes, axes] if isinstance(axes, int) else axes
    _contract(call, reader, call.inputs, [[axis] for axis in axes], are_samples=True)


def _contract(
    call: Call,
    reader: Reader,
    operands: Operands,
    axes: Sequence[Sequence[int]],
    are_samples: bool = False,
) -> None:
    """A product of two tensors that sums over pairs of their axes.

    Args:
        call: The call.
        reader: The reader.
        operands: The two tensors.
        axes: The axes of each that are summed over.
        are_samples: Whether the first axes are those of samples, and not of the product.
    """
    letters: list[list] = [
        [(n, axis) for axis in range(len(x.shape))] for n, x in enumerate(operands)
    ]
    mixed = [f"mixed {number}" for number in range(len(axes[0]))]
    for own, along in zip(letters, axes, strict=True):
        for letter, axis in zip(mixed, along, strict=True):
            own[axis] = letter
    if are_samples:
        letters[0][0] = letters[1][0] = "sample"
    made = dict.fromkeys(each for own in letters for each in own if each not in mixed)
    lacking = len(call.output.shape) - len(made)  # An axis of size one where all others are mixed.
    combine(call, reader, operands, letters, [*made, *range(lacking)])


def _operands(call: Call) -> list[keras.KerasTensor | np.ndarray]:
    given = (*call.args, *call.kwargs.values())
    return [x if is_tensor(x) else np.asarray(x) for x in given]
