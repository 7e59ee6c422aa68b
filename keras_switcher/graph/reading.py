"""Reads a network by its rules; where channels are split into two axes, along the better one."""

from copy import copy

import numpy as np
from keras import tree

from keras_switcher.graph.call import CallGraph
from keras_switcher.graph.grouping import is_locked
from keras_switcher.graph.reader import Reader
from keras_switcher.graph.rules import apply_rule
from keras_switcher.graph.tied_weights import TiedWeights


def read_graph(graph: CallGraph) -> tuple[Reader, TiedWeights]:
    """Applies the rules to a network.

    A reshape that splits an axis of channels, into heads and their widths, say, leaves open along
    which of the new axes channels lie. They lie along the last one, unless what follows locks
    them: then along the axis before, whose channels are whole heads, if these can be pruned.
    Reshapes into the same sizes do the same: the heads of queries are of use with those of values.

    Args:
        graph: The `CallGraph`.

    Returns:
        A pair: a `Reader` that knows all that the rules say, and the `TiedWeights`.
    """
    ties = TiedWeights(graph)
    functions: dict = {}

    known: dict[int, tuple[Reader, np.ndarray]] = {}

    def locked(reader: Reader) -> np.ndarray:
        if id(reader) not in known:
            known[id(reader)] = reader, is_locked(reader)
        return known[id(reader)][1]

    def read(choices: dict[tuple, int]) -> tuple[Reader, TiedWeights]:
        return _read(Reader(graph, choices, functions), ties)

    first = reader, tied = read({})
    choices: dict[tuple, int] = {}
    while reader.splits and (more := _next_choices(reader, locked(reader), choices)):
        choices = {**choices, **more}
        reader, tied = read(choices)
    if not choices:
        return first
    before, after = locked(first[0]), locked(reader)
    useful = {
        sizes: number
        for sizes, number in choices.items()
        if sizes in reader.splits  # Along another axis, a reshape that follows may see no channels.
        and after[reader.splits[sizes]].sum() < before[reader.splits[sizes]].sum()
    }
    if useful != choices:
        reader, tied = read(useful)
    return (reader, tied) if locked(reader).sum() < before.sum() else first


def _read(reader: Reader, ties: TiedWeights) -> tuple[Reader, TiedWeights]:
    for call in reader.graph.calls:
        apply_rule(call, reader)
    for tensor in tree.flatten(reader.graph.outputs):
        for ids in reader.labels(tensor).values():
            reader.lock(ids, "its channels are the model's output")
    tied = copy(ties)
    tied.lock(reader)
    return reader, tied


def _next_choices(
    reader: Reader, locked: np.ndarray, choices: dict[tuple, int]
) -> dict[tuple, int]:
    """The next axis of reshapes some of whose channels are locked, by the sizes of the axes."""
    return {
        sizes: choices.get(sizes, 0) + 1
        for sizes, ids in reader.splits.items()
        if locked[ids].any() and choices.get(sizes, 0) + 1 < len(sizes)
    }
