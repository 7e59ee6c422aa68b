"""Activation: the mean size of what is read of a channel."""

import numpy as np

from keras_switcher.pruning.criteria.criterion import Criterion, relative
from keras_switcher.pruning.criteria.registry import register
from keras_switcher.pruning.criteria.scored_network import ScoredNetwork


@register("activation")
class Activation(Criterion):
    """The mean absolute value of what the consumers read of a channel, over its group's mean.

    Over samples and positions, and over all consumers (mean activation: Molchanov et al. 2017,
    arXiv 1611.06440, section 2.2). Needs data; labels are not read.
    """

    def scores(self, network: ScoredNetwork) -> dict[str, np.ndarray]:
        activations = network.activations
        return {group.name: relative(activations[group.name]) for group in network.groups}
