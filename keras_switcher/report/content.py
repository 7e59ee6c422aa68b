"""Content of a report: what is told of a SwitcherModel, or of a network and a smaller one."""

from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from keras_switcher.arguments import is_whole
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.counting import unknown_macs
from keras_switcher.graph.differences import difference
from keras_switcher.graph.groups import ChannelGroup
from keras_switcher.graph.hidden_weights import describe_hidden
from keras_switcher.graph.side_effects import variables_of_functions
from keras_switcher.model import SwitcherModel
from keras_switcher.pruning.costs import remaining
from keras_switcher.pruning.kept import kept_channels
from keras_switcher.pruning.verification.random_runs import RandomRuns

_KINDS = ("strengthened", "weakened", "pruned")


@dataclass
class GroupContent:
    """What is told of a group.

    Args:
        name: Its name.
        counts: How many of its channels are kept and pruned, or strengthened, weakened and pruned.
        factors: Its factors, where they are known.
        epochs: The counts of each epoch, where they were recorded.
    """

    name: str
    counts: dict[str, int]
    factors: np.ndarray | None = None
    epochs: dict[str, list[int]] | None = None

    @property
    def total(self) -> int:
        """The number of its channels."""
        return sum(self.counts.values())

    @property
    def kept(self) -> int:
        """How many stay."""
        return self.total - self.counts["pruned"]


@dataclass
class Content:
    """What a report tells.

    Args:
        title: The network's name.
        before: Its costs, by name.
        after: Those of the smaller one.
        groups: What is told of each group that can be pruned.
        whole: The names and sizes of the others, and why they stay.
        notes: Sentences about what is not counted or not reached.
        difference: How far the outputs of both networks are apart on random inputs, relative to
            the largest; None where they could not be run.
        files: What else is known: names of files, bytes, milliseconds, by row.
    """

    title: str
    before: dict[str, int]
    after: dict[str, int]
    groups: list[GroupContent]
    whole: list[tuple[str, int, str]]
    notes: list[str]
    difference: float | None
    files: list[dict[str, Any]] = field(default_factory=list)


def of_switcher_model(model: SwitcherModel, epochs: list[dict]) -> Content:
    """What is told of a trained SwitcherModel: `compact()` makes the smaller network.

    Args:
        model: The model.
        epochs: What a `StructureHistory` recorded; nothing if empty.
    """
    structure = model.structure()
    _check_epochs(epochs, {counts.name: counts.total for counts in structure.groups})
    small = model.compact()
    groups = [
        GroupContent(
            counts.name,
            {kind: getattr(counts, kind) for kind in _KINDS},
            structure.factors[counts.name],
            _over_epochs(counts.name, epochs),
        )
        for counts in structure.groups
    ]
    channel_graph = model.gated.channel_graph
    apart = _difference(channel_graph, model.scaling_factors(), small)
    told = {counts.name for counts in structure.groups}
    whole = _whole(channel_graph, told)
    costs = structure.before, structure.after
    return Content(model.task.name, *costs, groups, whole, _notes(channel_graph), apart)


def of_pair(model: keras.Model, small: keras.Model) -> Content:
    """What is told of a network, and of one that was made smaller of it.

    Args:
        model: The network.
        small: The smaller one, whose layers have the same names.

    Raises:
        ValueError: If it was not made of the network.
    """
    before, after = ChannelGraph(model), ChannelGraph(small)
    left = kept_channels(before, after)
    if left and set(left.values()) == {None}:
        raise ValueError(
            f"'{small.name}' was not made of '{model.name}': no layer has the name of one "
            "there, and at most its width. Pass the network that it was made of."
        )
    groups, notes = [], _notes(before)
    for name, kept in left.items():
        if kept is None:
            notes.append(f"How many channels of '{name}' stay is not known.")
            continue
        counts = {"kept": kept, "pruned": before.group(name).size - kept}
        groups.append(GroupContent(name, counts))
    costs = remaining(before), remaining(after)
    whole = _whole(before, set(left))
    return Content(model.name, *costs, groups, whole, notes, _difference(before, {}, small))


def _check_epochs(epochs: list[dict], sizes: dict[str, int]) -> None:
    """Raises ValueError for what is no history of these groups."""
    for each in epochs:
        for name, counts in each.items():
            known = name in sizes and isinstance(counts, dict) and set(counts) >= set(_KINDS)
            numbers = [counts[kind] for kind in _KINDS] if known else []
            fits = known and all(is_whole(number, 0) for number in numbers)
            if not fits or sum(numbers) != sizes[name]:
                raise ValueError(
                    "`history` must be the `epochs` of this model's StructureHistory: for each "
                    f"group the numbers of {', '.join(_KINDS)}. Received: {name!r}: {counts!r}."
                )


def _over_epochs(name: str, epochs: list[dict]) -> dict[str, list[int]] | None:
    told = [each[name] for each in epochs if name in each]
    if len(told) < 2:
        return None
    return {kind: [each[kind] for each in told] for kind in _KINDS}


def _whole(channel_graph: ChannelGraph, told: set[str]) -> list[tuple[str, int, str]]:
    others = [g for g in channel_graph.groups if g.name not in told and not g.is_input]
    return [(group.name, group.size, _why(group)) for group in others]


def _why(group: ChannelGroup) -> str:
    return group.reason or "it was not chosen"


def _notes(channel_graph: ChannelGraph) -> list[str]:
    unknown = unknown_macs(channel_graph)
    notes = [f"MACs of '{name}' are not counted: {why}." for name, why in unknown.items()]
    hidden = describe_hidden(channel_graph)
    return [*notes, hidden] if hidden else notes


def _difference(channel_graph: ChannelGraph, factors: dict, small: keras.Model) -> float | None:
    """How far a smaller network is from the gated one, on random inputs."""
    assignable = variables_of_functions([call.op for call in channel_graph.graph.calls])
    draw, inputs, expected = RandomRuns(channel_graph, factors, assignable).first()
    if draw is None or expected is None:
        return None
    try:
        outputs = small(inputs, training=False)
    except Exception as error:  # Each layer says in its own way that inputs do not fit.
        raise ValueError(
            f"The smaller network '{small.name}' does not run on inputs of the other one. Pass the "
            "network that it was made of."
        ) from error
    actual = [keras.ops.convert_to_numpy(x) for x in keras.tree.flatten(outputs)]
    if [x.shape for x in actual] != [x.shape for x in expected]:
        return None
    return difference(expected, actual)
