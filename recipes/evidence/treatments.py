"""How a network of a trial comes about: dense, switched, or with a structure that is given."""

from dataclasses import dataclass, replace
from pathlib import Path

import keras

import keras_switcher as ks
from keras_switcher import StructureHistory
from recipes.checkpoints import Checkpoint
from recipes.datasets import Data
from recipes.evidence.experiment import Experiment
from recipes.evidence.masks import masked
from recipes.evidence.outcome import Outcome
from recipes.evidence.structures import (
    Structure,
    filled_structure,
    magnitude_structure,
    random_structure,
    uniform_structure,
    varied_structure,
)
from recipes.evidence.tasks import TASKS
from recipes.switching import switched
from recipes.training import train

# Half of a small network's time would be spent in Python.
STEPS_PER_EXECUTION = 16


@dataclass(frozen=True)
class Trial:
    """One seed of an experiment.

    Args:
        experiment: The `Experiment`.
        seed: The seed.
        data: The samples.
        folder: Where checkpoints go.
        structure: The structure that the treatment takes, if it takes one.
    """

    experiment: Experiment
    seed: int
    data: Data
    folder: Path
    structure: Structure | None = None

    @property
    def settings(self):
        """The experiment's settings, with the trial's seed."""
        return replace(self.experiment.settings, seed=self.seed)

    def network(self) -> keras.Model:
        """The untrained task network; the same one for all experiments of a seed."""
        keras.utils.set_random_seed(self.seed)
        return TASKS[self.experiment.task].network()

    def train(
        self, model: keras.Model, phase: str, epochs: int | None = None, history=None, span=None
    ):
        """Trains a model, going on from what an interrupted run of this phase has left."""
        settings = replace(self.settings, epochs=epochs or self.settings.epochs)
        checkpoint = Checkpoint(self.folder / phase, history)
        train(model, self.data.train, settings, checkpoint, STEPS_PER_EXECUTION, span=span)


def _dense(trial):
    model = trial.network()
    trial.train(model, "dense")
    return Outcome(model, trial.settings.epochs)


def _switched(trial):
    history = StructureHistory()
    model = switched(trial.network(), trial.settings)
    trial.train(model, "switched", history=history)
    return Outcome(model, trial.settings.epochs, kept_by(model), history)


def _given(trial, keep, epochs):
    """A network with this structure, initialised anew, trained from scratch."""
    if trial.settings.connections:
        model = masked(trial.network(), keep)
    else:
        model = anew(ks.prune_channels(trial.network(), keep), trial.seed)
    trial.train(model, "given", epochs)
    return Outcome(model, epochs, keep)


def _learned(trial):
    if trial.settings.connections:
        raise ValueError(
            "Rows say how many connections are kept, not which: there is no learned structure to "
            "train from scratch. Use 'random structure' or 'magnitude'."
        )
    return _given(trial, trial.structure, trial.settings.epochs)


def _learned_at_equal_cost(trial):
    return _given(trial, trial.structure, _epochs_at_equal_cost(trial))


def _epochs_at_equal_cost(trial):
    """As many as bring the training to the dense network's MACs."""
    network = trial.network()
    left = ks.count_macs(ks.prune_channels(network, trial.structure)).total
    return round(trial.settings.epochs * ks.count_macs(network).total / left)


def _random(trial):
    keep = random_structure(trial.network(), trial.structure, trial.seed)
    return _given(trial, keep, trial.settings.epochs)


def _random_at_equal_cost(trial):
    keep = random_structure(trial.network(), trial.structure, trial.seed)
    return _given(trial, keep, _epochs_at_equal_cost(trial))


def _varied(trial):
    keep = varied_structure(trial.network(), trial.structure, trial.data.train.x, trial.seed)
    return _given(trial, keep, trial.settings.epochs)


def _uniform(trial):
    return _given(trial, _uniform_structure(trial)[0], trial.settings.epochs)


def _uniform_filled_up(trial):
    uniform, macs = _uniform_structure(trial)
    keep = filled_structure(trial.network(), uniform, macs, trial.seed)
    return _given(trial, keep, trial.settings.epochs)


def _uniform_structure(trial):
    """With its number of MACs, that of the structure that was learned."""
    network = trial.network()
    macs = ks.count_macs(ks.prune_channels(network, trial.structure)).total
    return uniform_structure(network, macs, trial.seed), macs


def _magnitude(trial):
    """Dense for a share of the epochs, then pruned and trained for the others, each as a whole."""
    epochs = trial.settings.epochs
    before = round(trial.experiment.share * epochs)
    return _pruned(trial, {"epochs": before}, {"epochs": epochs - before})


def _magnitude_in_one(trial):
    """The same, but the learning rate falls once, over all epochs."""
    epochs = trial.settings.epochs
    before = round(trial.experiment.share * epochs)
    return _pruned(trial, {"span": range(before)}, {"span": range(before, epochs)})


def _pruned(trial, before, after):
    dense = trial.network()
    trial.train(dense, "before", **before)
    keep = magnitude_structure(dense, trial.structure)
    prune = masked if trial.settings.connections else ks.prune_channels
    model = prune(dense, keep)
    trial.train(model, "after", **after)
    return Outcome(model, trial.settings.epochs, keep)


TREATMENTS = {
    "dense": _dense,
    "switched": _switched,
    "learned structure": _learned,
    "learned structure, equal cost": _learned_at_equal_cost,
    "random structure": _random,
    "random structure, equal cost": _random_at_equal_cost,
    "varied inputs": _varied,
    "uniform width": _uniform,
    "uniform width, filled up": _uniform_filled_up,
    "magnitude": _magnitude,
    "magnitude, one cosine": _magnitude_in_one,
}


def kept_by(model: ks.SwitcherModel) -> Structure:
    """The channels or connections that a switched network keeps."""
    plan = model.plan()
    kernels = {kernel.connections: kernel for kernel in model.gated.channel_graph.kernels}
    return {
        name: kernels[name].between(plan.connections[name], plan.keep) > 0
        if name in plan.connections
        else plan.keep[name]
        for name in model.scaling_factors()
    }


def anew(model: keras.Model, seed: int) -> keras.Model:
    """The same network with newly initialised weights."""
    keras.utils.set_random_seed(seed)
    return keras.models.clone_model(model)
