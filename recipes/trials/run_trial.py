"""Runs one trial to its row: alone in its folder, from the last finished epoch."""

import contextlib
import json
import shutil
from pathlib import Path

from filelock import FileLock, Timeout

from recipes.methods import METHODS
from recipes.rows import write_rows
from recipes.trials.measuring import row_of
from recipes.trials.trial import Trial

LOG = "log.txt"


def run_trial(trial: Trial, path: Path | None = None) -> dict:
    """Trains, measures, and writes the row; deletes the trial's folder at the end.

    The folder belongs to the trial with these settings alone: raises RuntimeError if another
    process works in it. Without a path no row is written; one that is there is returned as it is.
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
