"""What an interrupted run leaves behind, so that the same command goes on from there."""

import json
import time
from pathlib import Path

from keras_switcher import ResumeTraining
from keras_switcher.files import write_whole
from keras_switcher.training.checkpoint_file import read_record
from keras_switcher.training.resuming import CHECKPOINT

SETTINGS = "settings.json"


def open_folder(folder: Path, settings: dict):
    """Makes a folder for checkpoints, or accepts one that a run of the same settings left.

    Args:
        folder: The folder.
        settings: Everything that decides on the run's result.

    Raises:
        ValueError: If the folder holds the checkpoint of other settings.
    """
    path = folder / SETTINGS
    if not any(folder.glob(f"*/{CHECKPOINT}")):  # No epoch was finished: nothing to go on from.
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(settings, indent=2) + "\n")
        return
    there = json.loads(path.read_text())
    different = [
        f"  {name}: {there.get(name)!r} there, {settings.get(name)!r} here"
        for name in [*settings, *(there.keys() - settings.keys())]
        if there.get(name) != settings.get(name)
    ]
    if different:
        raise ValueError(
            f"{folder} holds the checkpoint of a run with other settings, left as it is:\n"
            + "\n".join(different)
            + "\nGo on with those settings, choose another --output, or delete that folder."
        )


def seconds_in(folder: Path) -> float:
    """Time that the epochs took whose checkpoints are in this folder, each in a folder of its own.

    Args:
        folder: The folder.
    """
    records = (read_record(path) for path in folder.glob(f"*/{CHECKPOINT}"))
    return sum(_seconds(dict(record["logs"])) for record in records)


class Checkpoint(ResumeTraining):
    """A `ResumeTraining` that notes how long each epoch took, and says where it goes on.

    The arguments are those of `ResumeTraining`.

    Attributes:
        seconds_before: Time that was spent before an interruption.
    """

    seconds_before = 0.0

    @property
    def seconds(self) -> float:
        """Time that was spent on all epochs so far."""
        return _seconds(self.logs)

    def on_train_begin(self, logs=None):
        super().on_train_begin()
        self.seconds_before = self.seconds
        if self.logs:
            print(f"  goes on after epoch {self.epochs_done()}", flush=True)
        self._begun = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        now = time.perf_counter()
        logs["seconds"], self._begun = now - self._begun, now
        super().on_epoch_end(epoch, logs)


def _seconds(logs):
    return sum(of_epoch["seconds"] for of_epoch in logs.values())
