"""Pruning in one shot by a criterion, which chooses the widths itself, and training on."""

from functools import partial

import keras_switcher as ks
from recipes.methods import method
from recipes.switchers import budget_of
from recipes.trials.costs import equal_cost
from recipes.trials.criteria import structure_by
from recipes.trials.trained import trained_network
from recipes.trials.trial import Outcome, Trial

# What a method's name ends with, and what that changes.
CHOICES = {
    "": {},
    ", uniform": {"allocation": "uniform"},
    ", taylor": {"criterion": "taylor"},
    ", bn_scale": {"criterion": "bn_scale"},
}


def pruned(trial: Trial, of_equal_cost: bool = False, **choice: str) -> Outcome:
    """Dense for a share of the epochs, then pruned to the budget and trained for the others.

    The rate falls once over all epochs. Of equal cost are as many as bring the training to the
    dense network's MACs, if the budget's share of them is left.
    """
    dense, epochs, share = trial.network(), trial.settings.epochs, trial.experiment.share
    if of_equal_cost:
        epochs = equal_cost(epochs, share, trial.settings.budget)
    cut = round(share * epochs)
    trial.train(dense, "before", epochs, span=range(cut))
    keep = structure_by(dense, budget_of(trial.settings, dense.name), trial.data.train, **choice)
    model = ks.prune_channels(dense, keep)
    trial.train(model, "after", epochs, span=range(cut, epochs))
    return Outcome(model, epochs, keep)


def pruned_when_trained(trial: Trial, **choice: str) -> Outcome:
    """A trained network, pruned to the budget and trained for all epochs."""
    dense = trained_network(trial)
    keep = structure_by(dense, budget_of(trial.settings, dense.name), trial.data.train, **choice)
    model = ks.prune_channels(dense, keep)
    trial.train(model, "after")
    return Outcome(model, trial.settings.epochs, keep)


for _name, _choice in CHOICES.items():
    method(f"prune{_name}")(partial(pruned, **_choice))
    method(f"prune, trained{_name}")(partial(pruned_when_trained, **_choice))
method("prune, equal cost")(partial(pruned, of_equal_cost=True))
