"""Equations of einsum: the letter of each axis of its tensors."""

import string
from collections import Counter
from collections.abc import Sequence

import keras


def letters_of(equation: str, ranks: Sequence[int]) -> tuple[list[list[str]], list[str]]:
    """The letters of an equation's operands and of its output, with an ellipsis written out.

    Args:
        equation: The equation.
        ranks: The rank of each operand.

    Example:

    >>> letters_of("...x,xy->...y", [3, 2])
    ([['a', 'b', 'x'], ['x', 'y']], ['a', 'b', 'y'])
    """
    inputs, *after = equation.replace(" ", "").split("->")
    parts = [part.replace("...", "~") for part in inputs.split(",")]
    # The last axis that an ellipsis stands for has the same letter in all operands.
    hidden = [rank + 1 - len(part) for part, rank in zip(parts, ranks, strict=True) if "~" in part]
    spare = [letter for letter in string.ascii_letters if letter not in equation]
    spare = spare[: max(hidden, default=0)]
    written = []
    for part, rank in zip(parts, ranks, strict=True):
        start, *end = part.split("~")
        own = spare[len(spare) - (rank + 1 - len(part)) :] if end else []
        written.append([*start, *own, *"".join(end)])
    if after:
        start, *end = after[0].replace("...", "~").split("~")
        return written, [*start, *(spare if end else ()), *"".join(end)]
    counts = Counter(letter for letter in inputs if letter.isalpha())
    return written, [*spare, *sorted(letter for letter, count in counts.items() if count == 1)]


def with_known_sizes(
    layer: keras.layers.EinsumDense, inputs: keras.KerasTensor, training: bool | None = None
) -> keras.KerasTensor:
    """What a layer makes of a tensor, with the sizes that it has of the tensor.

    Keras leaves those open that are open in the layer's `output_shape`, as they are in
    MultiHeadAttention.

    Args:
        layer: The layer.
        inputs: The tensor.
        training: As the layer's `call` takes it: it changes no size.
    """
    # Its own answer, if another one is given in its place while a network is read.
    made = keras.layers.EinsumDense.compute_output_spec(layer, inputs)
    (given, _), made_axes = letters_of(layer.equation, [len(inputs.shape), len(layer.kernel.shape)])
    sizes = dict(zip(given, inputs.shape, strict=True))
    shape = [
        sizes.get(letter) if size is None else size
        for letter, size in zip(made_axes, made.shape, strict=True)
    ]
    return keras.KerasTensor(shape, made.dtype)
