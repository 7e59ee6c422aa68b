"""One trial from start to row, in a process that runs many of them."""

import contextlib
import json
import shutil
import time
from pathlib import Path

import keras_switcher
from keras_switcher.files import write_whole
from recipes.checkpoints import open_folder, seconds_in
from recipes.evidence.experiment import Experiment
from recipes.evidence.measuring import measure
from recipes.evidence.tasks import load
from recipes.evidence.treatments import TREATMENTS, Trial
from recipes.evidence.written import read_structure, write_counts
from recipes.files import alone_in
from recipes.records import surroundings

LOG, RESULT = "log.txt", "result.json"


def run_trial(
    experiment: Experiment, seed: int, structure: str | None, folder: Path, data_dir: Path | None
) -> dict:
    """Trains and measures.

    Args:
        experiment: The `Experiment`.
        seed: The seed.
        structure: The structure that the treatment takes, as text.
        folder: Where the checkpoint, what training prints and the result go. A result of this
            version that is there is returned as it is: it was not written down yet.
        data_dir: TFDS data directory.

    Returns:
        A row, without the study's command.

    Raises:
        ValueError: If the folder holds the checkpoint of other settings, or another version.
        RuntimeError: If another process works there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with alone_in(folder):
        result, version = folder / RESULT, {"keras_switcher": keras_switcher.__version__}
        if result.exists() and (row := json.loads(result.read_text())).items() >= version.items():
            return row
        made_with = {"seed": seed, "structure": structure, **version}
        open_folder(folder, {**made_with, **experiment.described()})
        data = load(experiment.task, experiment.settings.validate, data_dir)
        given = read_structure(structure) if structure else None
        row = _run(Trial(experiment, seed, data, folder, given))
        write_whole(result, json.dumps(row))
        return row


def _run(trial):
    """Trains and measures; the time that earlier runs spent on finished epochs counts."""
    started = time.perf_counter() - seconds_in(trial.folder)
    experiment = trial.experiment
    with (trial.folder / LOG).open("a") as log, contextlib.redirect_stdout(log):
        outcome = TREATMENTS[experiment.treatment](trial)
        row = measure(trial, outcome)
    row |= {
        "experiment": experiment.name,
        "seed": trial.seed,
        "seconds": round(time.perf_counter() - started, 1),
        "settings": json.dumps(experiment.described()),
        **surroundings(),
    }
    if outcome.history:
        row["counts"] = write_counts(outcome.history.epochs)
    return row


def forget(folder: Path):
    """Deletes what a trial has left, once its row is written down."""
    shutil.rmtree(folder, ignore_errors=True)
