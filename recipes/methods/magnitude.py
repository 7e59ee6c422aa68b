"""Magnitude pruning in one shot: trained, cut to given widths or one for all, and trained on."""

from functools import partial

import keras_switcher as ks
from recipes.methods import method
from recipes.trials.structures import (
    filled_structure,
    macs_of,
    magnitude_structure,
    masked,
    uniform_structure,
)
from recipes.trials.trained import trained_network
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


@method("magnitude, trained")
def fine_tuned(trial: Trial, is_uniform: bool = False) -> Outcome:
    """A trained network, pruned and trained for all epochs.

    With the structure's widths, or with one share for all layers and the same MACs.
    """
    dense, widths = trained_network(trial), trial.structure
    if is_uniform:
        macs = macs_of(dense, widths)
        widths = uniform_structure(dense, macs, trial.seed)
        widths = filled_structure(dense, widths, macs, trial.seed)
    keep = magnitude_structure(dense, widths)
    model = ks.prune_channels(dense, keep)
    trial.train(model, "after")
    return Outcome(model, trial.settings.epochs, keep)


method("magnitude, trained, uniform")(partial(fine_tuned, is_uniform=True))
