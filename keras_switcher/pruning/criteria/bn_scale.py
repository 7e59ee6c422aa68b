"""BNScale: the size of a batch normalisation's scale."""

import keras
import numpy as np
from keras import ops

from keras_switcher.pruning.criteria.criterion import Criterion
from keras_switcher.pruning.criteria.registry import register
from keras_switcher.pruning.criteria.scored_network import ScoredNetwork, sum_per_channel


@register("bn_scale")
class BNScale(Criterion):
    """The size of the scales (gamma) of batch normalisations on a channel's way, summed.

    Network slimming (Liu et al. 2017, arXiv 1708.06519), which trains with an L1 penalty on these
    scales first. They are compared over all groups as they are. Groups that no batch normalisation
    scales stay whole; without any such scale the criterion is refused.

    Raises:
        ValueError: If no group has a scale of a batch normalisation.
    """

    def scores(self, network: ScoredNetwork) -> dict[str, np.ndarray]:
        found = {}
        scales = network.scales(keras.layers.BatchNormalization)
        for group in network.groups:
            if scales[group.name]:
                found[group.name] = np.zeros(group.size)
            for weight, axis in scales[group.name]:
                sizes = np.abs(ops.convert_to_numpy(weight))
                found[group.name] += sum_per_channel(sizes, axis, group)
        if not found:
            names = ", ".join(f"'{group.name}'" for group in network.groups)
            raise ValueError(
                f"Criterion 'bn_scale' reads the scales of BatchNormalization layers, and in "
                f"'{network.name}' there are none on the channels of {names}. Choose another "
                "criterion, for example 'group_norm'."
            )
        return found
