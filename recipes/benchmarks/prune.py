"""Time of `ks.prune` beside `prune_channels`, and whether its budgets hold, on the zoo.

Each model of keras.applications in its own process, with random weights: half of its MACs are kept
by each criterion that needs no data, globally and uniformly. A row has the share of the MACs that
is left, the processors' seconds of `prune` and those of `prune_channels` with masks of the sizes
that it found (neither verified; the best of several runs in turn), what the criterion itself takes,
and their ratio without that. `room` is the least that another channel would add over what is free:
above one, nothing further fits.

    python -m recipes.benchmarks.prune
    python -m recipes.benchmarks.prune --models ResNet50 --criteria group_norm
"""

import time
from collections.abc import Iterator
from functools import partial

import keras
import numpy as np

import keras_switcher as ks
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.allocation.kept_cost import KeptCost
from keras_switcher.pruning.criteria import Criterion, get
from recipes.benchmarks.harness import in_own_process, run, timed_in_turn
from recipes.networks.backbones import NAMES, backbone

CRITERIA = ("group_norm", "group_norm_l1", "bn_scale", "random")
ALLOCATIONS = ("global", "uniform")
KEEP = 0.5


class Timed(Criterion):
    """A criterion that notes how long it takes."""

    def __init__(self, criterion: Criterion):
        self.criterion = criterion
        self.seconds: list[float] = []

    def scores(self, network):
        begun = time.process_time()
        found = self.criterion.scores(network)
        self.seconds.append(time.process_time() - begun)
        return found


def measure(
    models: tuple = NAMES,
    criteria: tuple = CRITERIA,
    allocations: tuple = ALLOCATIONS,
    repeats: int = 2,
) -> Iterator[dict]:
    """A row for each model, criterion and allocation; none where a model has no such scores."""
    for name in models:
        yield from in_own_process(_measured, name, criteria, allocations, repeats)


def _measured(name, criteria, allocations, repeats):
    model = backbone(name)
    total = ks.count_macs(model).total
    rows = []
    for criterion in criteria:
        for allocation in allocations:
            timed = Timed(get(criterion))
            budget = ks.Budget(KEEP, of="macs")
            prune = partial(ks.prune, model, budget, timed, allocation, verify=False)
            try:
                small = prune()
            except ValueError as error:
                if "none" in str(error):  # No scale of a batch normalisation.
                    continue
                raise
            masks = _masks(model, small)
            by_masks = partial(ks.prune_channels, model, masks, verify=False)
            _, seconds = timed_in_turn({"prune": prune, "masks": by_masks}, repeats)
            of_criterion = min(timed.seconds)
            left = ks.count_macs(small).total
            rows.append(
                {
                    "model": name,
                    "size": model.input.shape[1],
                    "criterion": criterion,
                    "allocation": allocation,
                    "macs_left": left / total,
                    "room": _room(model, masks, KEEP * total),
                    "prune_seconds": seconds["prune"].min(),
                    "criterion_seconds": of_criterion,
                    "masks_seconds": seconds["masks"].min(),
                    "time_ratio": (seconds["prune"].min() - of_criterion) / seconds["masks"].min(),
                }
            )
    return rows


def _masks(model, small):
    """As many channels of each group as the smaller model has: for times and costs they do."""
    masks = {}
    sizes = {group.name: group.size for group in ks.channel_groups(small)}
    for group in ks.channel_groups(model):
        if group.prunable and not group.is_input:
            masks[group.name] = np.arange(group.size) < sizes[group.name]
    return masks


def _room(model, masks, limit):
    """The least that a channel adds over what is free; 0 where none is off."""
    channel_graph = ChannelGraph(model)
    groups = [group for group in channel_graph.groups if group.name in masks]
    cost = KeptCost(channel_graph, groups, "macs")
    packed = cost.pack(masks)
    added = cost.increments(packed)[~packed]
    free = limit - cost.count(packed)
    return float(added.min() / free) if len(added) and free else 0.0


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    run(
        measure,
        __doc__,
        choices={"models": NAMES, "criteria": CRITERIA, "allocations": ALLOCATIONS},
    )
