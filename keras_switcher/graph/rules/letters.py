"""Operations entry by entry, in the notation of einsum: each axis of a tensor has a letter."""

from collections.abc import Hashable, Sequence

import keras
import numpy as np

from keras_switcher.graph.arguments import Kept
from keras_switcher.graph.call import Call, is_tensor
from keras_switcher.graph.labels import NO_CHANNEL
from keras_switcher.graph.reader import Reader

Letters = Sequence[Hashable]
# The letter of axes of which the rule itself says what becomes of their channels.
UNSAID = None
Operands = Sequence[keras.KerasTensor | np.ndarray]


def aligned(rank: int, to: int) -> Letters:
    """The letters of a tensor that is broadcast to a rank: its axes are the last ones."""
    return range(to - rank, to)


def combine(
    call: Call,
    reader: Reader,
    operands: Operands,
    letters: Sequence[Letters],
    made: Letters,
) -> None:
    """Declares that operands are combined: channels at the same place of a letter go together.

    Those along a letter that the output lacks are summed over and locked: only a kernel has
    factors by which one of them could be left out of a sum. Constant arrays among the operands
    lose the entries of channels that go.

    Args:
        call: The call.
        reader: The reader.
        operands: All positional arguments of the call, and those by name, or just its tensors if
            all are tensors.
        letters: For each operand a letter per axis.
        made: The letters of the output.
    """
    sizes: dict[Hashable, int | None] = dict(zip(made, call.output.shape, strict=True))
    for letter in dict.fromkeys(letter for own in letters for letter in own):
        if letter is not UNSAID:
            _combine_along(call, reader, operands, letters, letter, sizes)
    constants = [
        (place, axis, labelled)
        for place, (operand, own) in enumerate(zip(operands, letters, strict=True))
        for axis, letter in enumerate(own)
        if not is_tensor(operand) and operand.shape[axis] != 1
        if letter in made
        if (labelled := reader.labels(call.output).get(made.index(letter))) is not None
    ]

    def without_entries(kept: Kept, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        values = [*args, *kwargs.values()]
        for place, axis, ids in constants:
            values[place] = np.compress(kept(ids), values[place], axis=axis)
        return tuple(values[: len(args)]), dict(zip(kwargs, values[len(args) :], strict=True))

    if constants:
        reader.adapt(call, without_entries)


def _combine_along(
    call: Call,
    reader: Reader,
    operands: Operands,
    letters: Sequence[Letters],
    letter: Hashable,
    sizes: dict[Hashable, int | None],
) -> None:
    """Couples the channels of all operands along one letter, and labels the output with them."""
    axes = [
        (operand, axis)
        for operand, own in zip(operands, letters, strict=True)
        for axis, each in enumerate(own)
        if each == letter
    ]
    if letter not in sizes:
        for operand, axis in axes:
            if is_tensor(operand):
                reason = f"is summed over by '{call.name}', a product without a kernel"
                reader.lock(reader.channels(operand, axis), reason)
        return
    known: list[np.ndarray] = []
    for operand, axis in axes:
        if not is_tensor(operand):
            continue
        ids = reader.channels(operand, axis)
        if operand.shape[axis] != 1 or sizes[letter] == 1:
            known.append(ids)
        else:
            reader.lock(ids, f"is broadcast over the channels of others by '{call.name}'")
    some = [ids for ids in known if np.any(ids != NO_CHANNEL)]
    labelled = next((ids for ids in some if not reader.follows(ids)), None)
    if labelled is None and len(some) == len(known):
        labelled = next(iter(some), None)
    if labelled is None:  # Of own weights, beside tensors of which nothing is known.
        return
    if any(len(ids) != len(labelled) for ids in known):
        for ids in known:
            reader.lock(ids, f"is combined by '{call.name}' with a tensor of open size")
        return
    for ids in known:
        free = (labelled == NO_CHANNEL) & reader.follows(ids)
        reader.couple(labelled[~free], ids[~free])
    reader.label(call.output, list(sizes).index(letter), labelled)
