"""Networks with a structure that is given, initialised anew and trained from scratch."""

from functools import partial

import keras
import numpy as np

import keras_switcher as ks
from recipes.methods import method
from recipes.trials import structures
from recipes.trials.structures import masked
from recipes.trials.trial import Outcome, Trial


def learned(trial: Trial) -> structures.Masks:
    """The structure that was learned."""
    if trial.settings.connections:
        raise ValueError(
            "Rows say how many connections are kept, not which: there is no learned structure to "
            "train from scratch. Use 'random structure' or 'magnitude'."
        )
    return trial.structure


def random(trial: Trial) -> structures.Masks:
    """As many channels or connections of each group, drawn at random."""
    return structures.random_structure(trial.network(), trial.structure, trial.seed)


def varied(trial: Trial) -> structures.Masks:
    """The inputs that vary most, all else at random."""
    x = trial.data.train.x
    return structures.varied_structure(trial.network(), trial.structure, x, trial.seed)


def uniform(trial: Trial, cost: structures.Cost = structures.macs_of) -> structures.Masks:
    """One share of every hidden layer, with the cost of the learned structure."""
    network = trial.network()
    most = cost(network, trial.structure)
    return structures.uniform_structure(network, most, trial.seed, cost)


def filled(trial: Trial, cost: structures.Cost = structures.macs_of) -> structures.Masks:
    """One channel more than that in as many layers as the cost allows."""
    network, given = trial.network(), uniform(trial, cost)
    most = cost(network, trial.structure)
    return structures.filled_structure(network, given, most, trial.seed, cost)


of_equal_weights = partial(filled, cost=structures.weights_of)


def to_the_budget(trial: Trial) -> structures.Masks:
    """One share of every hidden layer, filled up to the budget of the settings."""
    network, of = trial.network(), trial.settings
    cost = structures.macs_of if of.budget_of == "macs" else structures.weights_of
    whole = {g.name: np.ones(g.size, bool) for g in ks.channel_groups(network) if g.prunable}
    most = int(of.budget * cost(network, whole))
    given = structures.uniform_structure(network, most, trial.seed, cost)
    return structures.filled_structure(network, given, most, trial.seed, cost)


def from_scratch(trial: Trial, structure, equal_cost: bool = False) -> Outcome:
    """A network with a structure that follows from the trial, from newly initialised weights.

    Of equal cost are as many epochs as bring its training to the dense network's MACs.
    """
    keep, network, epochs = structure(trial), trial.network(), trial.settings.epochs
    if equal_cost:
        epochs = round(epochs * ks.count_macs(network).total / _macs(trial))
    if trial.settings.connections:
        model = masked(network, keep)
    else:
        pruned = ks.prune_channels(network, keep)
        keras.utils.set_random_seed(trial.seed)
        model = keras.models.clone_model(pruned)
    trial.train(model, "given", epochs)
    return Outcome(model, epochs, keep)


def _macs(trial):
    return structures.macs_of(trial.network(), trial.structure)


method("learned structure")(partial(from_scratch, structure=learned))
method("learned structure, equal cost")(partial(from_scratch, structure=learned, equal_cost=True))
method("random structure")(partial(from_scratch, structure=random))
method("random structure, equal cost")(partial(from_scratch, structure=random, equal_cost=True))
method("varied inputs")(partial(from_scratch, structure=varied))
method("uniform width")(partial(from_scratch, structure=uniform))
method("uniform width, filled up")(partial(from_scratch, structure=filled))
method("uniform width, budget")(partial(from_scratch, structure=to_the_budget))
method("uniform width, same weights")(partial(from_scratch, structure=of_equal_weights))
