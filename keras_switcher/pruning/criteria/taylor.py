"""Taylor: by how much the loss would change, to first order, without a channel."""

import numpy as np

from keras_switcher.pruning.criteria.criterion import Criterion
from keras_switcher.pruning.criteria.registry import register
from keras_switcher.pruning.criteria.scored_network import ScoredNetwork


@register("taylor")
class Taylor(Criterion):
    """The squared first-order change of the loss if nothing read the channel, mean over batches.

    With a factor of one at each consumer, `(dL/dfactor) ** 2`, which is the squared sum of weight
    times gradient over the entries of all kernels that read the channel (Molchanov et al. 2019,
    arXiv 1906.10771, equation 8, at gates). Compared over all groups as it is. Needs data with
    labels, and a model that is compiled with a loss.
    """

    def scores(self, network: ScoredNetwork) -> dict[str, np.ndarray]:
        gradients = network.gradients
        return {g.name: np.mean(gradients[g.name] ** 2, axis=0) for g in network.groups}
