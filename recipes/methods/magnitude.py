"""Magnitude pruning in one shot: trained, cut to given widths, and trained on."""

from functools import partial

import keras_switcher as ks
from recipes.methods import method
from recipes.trials.structures import magnitude_structure, masked
from recipes.trials.trial import Outcome, Trial


@method("magnitude")
def magnitude(trial: Trial, one_cosine: bool = False) -> Outcome:
    """Dense for a share of the epochs, then pruned and trained for the others.

    The learning rate falls in each part, or once over all epochs.
    """
    dense, epochs = trial.network(), trial.settings.epochs
    cut = round(trial.experiment.share * epochs)
    if one_cosine:
        before, after = {"span": range(cut)}, {"span": range(cut, epochs)}
    else:
        before, after = {"epochs": cut}, {"epochs": epochs - cut}
    trial.train(dense, "before", **before)
    keep = magnitude_structure(dense, trial.structure)
    model = (masked if trial.settings.connections else ks.prune_channels)(dense, keep)
    trial.train(model, "after", **after)
    return Outcome(model, epochs, keep)


method("magnitude, one cosine")(partial(magnitude, one_cosine=True))
