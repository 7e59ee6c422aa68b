"""Networks with a structure that is given, initialised anew and trained from scratch."""

from functools import partial

import keras

import keras_switcher as ks
from recipes.methods import method
from recipes.trials import structures
from recipes.trials.masks import masked
from recipes.trials.trial import Outcome, Trial


def from_scratch(trial: Trial, keep: structures.Structure, equal_cost: bool = False) -> Outcome:
    """A network with this structure, trained from newly initialised weights.

    Of equal cost are as many epochs as bring its training to the dense network's MACs.
    """
    network, epochs = trial.network(), trial.settings.epochs
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


@method("learned structure")
def learned(trial: Trial, **more) -> Outcome:
    """The structure that was learned."""
    if trial.settings.connections:
        raise ValueError(
            "Rows say how many connections are kept, not which: there is no learned structure to "
            "train from scratch. Use 'random structure' or 'magnitude'."
        )
    return from_scratch(trial, trial.structure, **more)


@method("random structure")
def random(trial: Trial, **more) -> Outcome:
    """As many channels or connections of each group, drawn at random."""
    keep = structures.random_structure(trial.network(), trial.structure, trial.seed)
    return from_scratch(trial, keep, **more)


method("learned structure, equal cost")(partial(learned, equal_cost=True))
method("random structure, equal cost")(partial(random, equal_cost=True))


@method("varied inputs")
def varied(trial: Trial) -> Outcome:
    """The inputs that vary most, all else at random."""
    given, x = trial.structure, trial.data.train.x
    return from_scratch(trial, structures.varied_structure(trial.network(), given, x, trial.seed))


@method("uniform width")
def uniform(trial: Trial, filled_up: bool = False) -> Outcome:
    """One share of every hidden layer, with the MACs of the learned structure.

    Filled up has one channel more in as many layers as the MACs allow.
    """
    network, macs, seed = trial.network(), _macs(trial), trial.seed
    keep = structures.uniform_structure(network, macs, seed)
    if filled_up:
        keep = structures.filled_structure(network, keep, macs, seed)
    return from_scratch(trial, keep)


method("uniform width, filled up")(partial(uniform, filled_up=True))


def _macs(trial):
    return structures.count_macs(trial.network(), trial.structure)
