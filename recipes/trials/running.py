"""Running one trial: alone in its folder, from the last finished epoch, to its row."""

import contextlib
import json
import shutil
from pathlib import Path

from filelock import FileLock, Timeout

from recipes.methods import METHODS
from recipes.rows import surroundings, write_rows
from recipes.trials.encoding import encode_counts
from recipes.trials.measuring import measure
from recipes.trials.trial import Outcome, Trial

LOG = "log.txt"


def run_trial(trial: Trial, path: Path | None = None) -> dict:
    """Trains, measures, and writes the row; deletes the trial's folder at the end.

    Args:
        trial: The trial. Its folder belongs to it with these settings alone.
        path: Where the row goes; None writes none. One that is there is returned as it is.

    Raises:
        RuntimeError: If another process works in the folder.
    """
    folder = trial.folder
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / "lock", timeout=0):
            if path and path.exists():
                return json.loads(path.read_text())
            with (folder / LOG).open("a") as log, contextlib.redirect_stdout(log):
                row = row_of(trial, METHODS[trial.experiment.method](trial))
            if path:
                write_rows(path, row)
            shutil.rmtree(folder, ignore_errors=True)
            return row
    except Timeout as error:
        raise RuntimeError(
            f"Another process works in {folder}. Wait for it, stop it, or choose another --output."
        ) from error


def row_of(trial: Trial, outcome: Outcome) -> dict:
    """The row of a trial that has ended, with what decided on it."""
    row = {"experiment": trial.experiment.name, "seed": trial.seed, **measure(trial, outcome)}
    row |= {"seconds": round(trial.seconds, 1), **surroundings()}
    row["settings"] = trial.experiment.described()
    if outcome.history:
        row["counts"] = encode_counts(outcome.history.epochs)
    return row
