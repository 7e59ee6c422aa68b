"""Structures by a criterion that chooses all widths itself, as `keras_switcher.prune` does."""

from functools import partial

import keras

import keras_switcher as ks
from keras_switcher import criteria
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.allocation.allocation import allocate
from keras_switcher.training.observing import observe_activations, observe_gradients
from recipes.datasets import Part
from recipes.trials.structures import Masks

# Those of `prune`: of each group that stays in any case, and samples that are looked at.
FLOOR, SAMPLES = 0.05, 512


def structure_by(
    network: keras.Model,
    budget: ks.Budget,
    part: Part,
    criterion: str = "group_norm",
    allocation: str = "global",
) -> Masks:
    """The channels that `keras_switcher.prune` keeps, which returns a network and does not tell.

    Criteria that need data look at the first samples of a part.
    """
    graph, seen = ChannelGraph(network), part.take(slice(SAMPLES))
    data = seen.x.astype("float32"), seen.y
    network.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    groups = [group for group in graph.groups if group.prunable and not group.is_input]
    known = criteria.ScoredNetwork(
        graph,
        groups,
        partial(observe_gradients, network, groups, data),
        partial(observe_activations, graph, groups, data),
    )
    scores = criteria.get(criterion).scores(known)
    plan = allocate(graph, scores, budget.keep, budget.measure, allocation, FLOOR)
    return {name: plan.keep[name] for name in scores}
