"""KerasHub's networks for images: what can be pruned, how exactly, and why the rest stays.

Each family has a process and random weights; nothing is downloaded. Features go through a mean over
positions to a Dense layer of 10 classes. A row says how many layers with a kernel there are,
wherever they are, how many of them are prunable, and how many of the others make outputs, as the
classifiers do, of which a pyramid of features has several; the worst difference between the compact
network and the original whose kernels are scaled by hand, relative to the largest output, over
shares of channels kept and seeds; the parameters left at half of the channels; seconds to read the
network and to build it (in turn, the least of three times, as Python collects garbage in some; a
first one, which compiles, does not count); what keeps the other layers; and what failed. It needs
the extra `families`. Each row is a file; families that have one are skipped.

    python -m recipes.benchmarks.families
    python -m recipes.benchmarks.families --only ViT Swin --rows recipes/results/benchmarks/families
    python -m recipes.benchmarks.families --again --rows recipes/results/benchmarks/families
"""

import re
from collections import Counter
from functools import partial

import keras
import keras_hub
import numpy as np
from keras import layers

import keras_switcher as ks
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.edge import Edge
from keras_switcher.graph.sublayers import with_sublayers
from recipes.benchmarks.exactness import (
    compare,
    draw_factors,
    draw_inputs,
    owned_weights,
    with_random_weights,
)
from recipes.benchmarks.harness import run_each, timed_in_turn
from recipes.hub.families import NAMES, family, measured

OUTPUTS = "its channels are the model's output"
KEPT = (0.3, 0.5, 0.8)
SEEDS = 3
SHOWN = (
    "family",
    "producers",
    "prunable",
    "outputs",
    "difference",
    "parameters_left",
    "read_ratio",
)
SHOWN += ("reasons", "fault")


def producing_layers(model: keras.Model) -> list[tuple[layers.Layer, list[keras.Variable]]]:
    """All layers that own kernels, wherever in the model they are, and these kernels."""
    found = []
    for layer, weights in owned_weights(model):
        kernels = [w for w in weights if "kernel" in w.name and len(w.shape) > 1]
        if kernels:
            found.append((layer, kernels))
    return found


def why_whole(channel_graph: ChannelGraph, layer: layers.Layer, kernels: list) -> str | None:
    """What keeps the channels that a layer makes or carries, without names.

    None if nothing does along one of its axes: of heads and their widths, heads may go.
    """
    axes = [axis for kernel in kernels for axis in channel_graph.axes_of(kernel).values()]
    made = [axis.groups for axis in axes if axis.groups and not isinstance(axis, Edge)]
    if any(all(group.prunable for group in groups) for groups in made):
        return None
    if made:
        reason = next(group.reason for groups in made for group in groups if group.reason)
        return _nameless(reason, channel_graph)
    reasons = {hidden.name: hidden.reason for hidden in channel_graph.hidden_weights}
    for call in channel_graph.graph.calls:
        if any(part is layer for part in with_sublayers(call.op)):
            closed = channel_graph.graph.closed.get(id(call.op))
            reason = closed.reason if closed else reasons.get(call.name, "makes no channels")
            return f"in {type(call.op).__name__}, {_nameless(reason, channel_graph)}"
    return "is not in the graph"


def measure(name: str, seeds: int = SEEDS, repeats: int = 3) -> dict:
    """The row of a family."""
    row = {"family": name, "keras_hub": keras_hub.__version__, "fault": ""}
    try:
        model = measured(name)
        channel_graph = ChannelGraph(model)
        row |= _read(name, model, channel_graph, repeats)
        if any(group.prunable for group in channel_graph.groups):
            row |= _pruned(model, channel_graph, seeds)
        if row["prunable"]:
            _wrap(family(name))
    except Exception as error:  # The row says what failed.
        row["fault"] = f"{type(error).__name__}: {str(error).splitlines()[0][:300]}"
    return row


def _read(name, model, channel_graph, repeats):
    runs = {"build": partial(measured, name), "read": partial(ChannelGraph, model)}
    seconds = timed_in_turn(runs, repeats)[0].min()
    producers = producing_layers(model)
    reasons = Counter(why_whole(channel_graph, *producer) for producer in producers)
    prunable = reasons.pop(None, 0)
    outputs = reasons[OUTPUTS]
    return {
        "producers": len(producers),
        "prunable": prunable,
        "outputs": outputs,
        "share": prunable / len(producers),
        "share_inside": prunable / (len(producers) - outputs),
        "reasons": "; ".join(f"{count} {why}" for why, count in reasons.most_common()),
        "parameters": model.count_params(),
        "build_seconds": seconds["build"],
        "read_seconds": seconds["read"],
        "read_ratio": seconds["read"] / seconds["build"],
    }


def _pruned(model, channel_graph, seeds):
    """How exactly; the package's own comparison holds, too, or raises an error."""
    rng = np.random.default_rng(0)
    with_random_weights(model, rng)
    found = {
        (kept, seed): compare(model, channel_graph, 1 - kept, seed)
        for kept in KEPT
        for seed in range(seeds)
    }
    factors = draw_factors(channel_graph, 0.5, rng)
    ks.prune_channels(model, {name: factor > 0 for name, factor in factors.items()}, verify=True)
    return {
        "kept": list(KEPT),
        "seeds": seeds,
        "difference": max(each.difference for each in found.values()),
        "least_effect": min(each.effect for each in found.values()),
        "parameters_left": found[0.5, 0].small.count_params() / model.count_params(),
    }


def _wrap(backbone):
    """A network as it stands trains as a SwitcherModel's task."""
    ks.SwitcherModel(backbone)(draw_inputs(backbone, np.random.default_rng(0)), training=False)


def _nameless(reason, channel_graph):
    """The first line of a reason with the types of calls in the place of their names."""
    reason = reason.splitlines()[0]
    kinds = {call.name: type(call.op).__name__ for call in channel_graph.graph.calls}
    return re.sub(r"'([^']*)'( \(\w+\))?", lambda found: kinds.get(found[1], found[0]), reason)


if __name__ == "__main__":
    run_each(measure, __doc__, NAMES, shown=SHOWN)
