"""Hidden weights: kernels in layers through which no rule follows channels."""

from collections import defaultdict
from typing import NamedTuple, Protocol

import numpy as np

from keras_switcher.graph.call import CallGraph
from keras_switcher.graph.kernel import Kernel
from keras_switcher.graph.reader import Reader

SHOWN = 3


class HiddenWeights(NamedTuple):
    """The kernels of a layer through which no rule follows channels.

    Args:
        name: Name of the layer's first call.
        number: How many weights its matrices and kernels have.
        kind: The layer's type.
        reason: Why they are hidden, a relative clause.
    """

    name: str
    number: int
    kind: str
    reason: str


class ChannelGraphProtocol(Protocol):
    """The part of a `ChannelGraph` that is described here: its module builds on this one."""

    kernels: list[Kernel]
    hidden_weights: list[HiddenWeights]


def hidden_weights(graph: CallGraph, reader: Reader) -> list[HiddenWeights]:
    """The layers of a graph whose kernels no rule reaches.

    Args:
        graph: The `CallGraph`.
        reader: The `Reader` to which the rules have been applied.
    """
    reached, found = {key for key, _ in reader.weights.along}, []
    for call in graph.calls:
        matrices = [w for w in getattr(call.op, "weights", ()) if len(w.shape) > 1]
        own = {id(weight): weight for weight in matrices if id(weight) not in reached}
        if own and id(call) in reader.origins.opaque:
            reached.update(own)
            number = sum(int(np.prod(weight.shape)) for weight in own.values())
            kind, reason = type(call.op).__name__, reader.origins.opaque[id(call)]
            found.append(HiddenWeights(call.name, number, kind, reason))
    return found


def describe_hidden(channel_graph: ChannelGraphProtocol) -> str:
    """Describes in a sentence the weights in layers that no rule reaches; empty without any.

    Args:
        channel_graph: The model's `ChannelGraph`.
    """
    if not channel_graph.hidden_weights:
        return ""
    number = sum(hidden.number for hidden in channel_graph.hidden_weights)
    total = sum(kernel.cost("weights") for kernel in channel_graph.kernels)
    names: dict[str, list[str]] = defaultdict(list)
    for hidden in channel_graph.hidden_weights:
        names[hidden.kind].append(f"'{hidden.name}'")
    kinds = ", ".join(f"{_some(of_kind)} ({kind})" for kind, of_kind in names.items())
    return f"{number:,} of {total:,} weights are in layers that no rule reaches: {kinds}."


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
