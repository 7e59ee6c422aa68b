"""Trained networks that trials start from, kept in the output folder of a study."""

from dataclasses import replace
from pathlib import Path

import keras
from filelock import FileLock

from recipes.rows import digest, of_backend, slug
from recipes.trials.trial import Trial

FOLDER = "trained"


def keep_trained(trial: Trial, model: keras.Model):
    """Keeps a network's weights for the trials that start from it."""
    path = _path(trial)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written beside and moved: a file with this name is whole.
    beside = path.with_name(f"new-{path.name}")
    model.save_weights(beside)
    beside.replace(path)


def trained_network(trial: Trial) -> keras.Model:
    """The network of the experiment `trained`, as it was kept, or else trained again as there.

    Seeds beyond that experiment's start from the same networks in turn.
    """
    experiment = trial.experiment.trained
    seed = trial.seed % experiment.seeds
    source = replace(
        trial, experiment=experiment, seed=seed, structure=None, seconds=0.0, phases=[]
    )
    path = _path(source)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        source = replace(source, folder=path.with_suffix(""))
        model = source.network()
        if not path.exists():
            source.train(model, "dense")
            keep_trained(replace(source, folder=trial.folder), model)
    model.load_weights(path)
    return model


def _path(trial: Trial) -> Path:
    """Versions and studies of the same settings share one file."""
    of = trial.experiment
    name = f"{slug(of.name)}-seed-{trial.seed}-{digest(of.described())}.weights.h5"
    return trial.folder.parents[2] / of_backend(FOLDER) / name
