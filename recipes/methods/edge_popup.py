"""Edge-popup: a subnetwork of random weights, which stay as they are."""

import keras
import numpy as np

from recipes.methods import method
from recipes.methods.switching import switched_to_the_end
from recipes.trials.trial import Outcome, Trial


@method("edge-popup")
def edge_popup(trial: Trial) -> Outcome:
    """Scores of the connections of dense layers are trained, and no weights.

    Kernels start as scaled signs, as in Ramanujan et al. 2020 (arXiv 1911.13299): all have one
    size, with that of He et al. for the connections that are kept.
    """
    network = trial.network()
    for layer in network.layers:
        if isinstance(layer, (keras.layers.Dense, keras.layers.Conv2D)):
            keep = trial.settings.budget if isinstance(layer, keras.layers.Dense) else 1.0
            size = np.sqrt(2 / (keep * np.prod(layer.kernel.shape[:-1])))
            layer.kernel.assign(size * keras.ops.sign(layer.kernel))
    return switched_to_the_end(trial, network)
