"""What an interrupted run leaves behind, so that the same command goes on from there."""

import json
import time
from pathlib import Path

import keras

from keras_switcher import StructureHistory
from recipes.files import write_whole

SETTINGS, RECORD = "settings.json", "record.json"


def open_folder(folder: Path, settings: dict):
    """Makes a folder for checkpoints, or accepts one that a run of the same settings left.

    Args:
        folder: The folder.
        settings: Everything that decides on the run's result.

    Raises:
        ValueError: If the folder holds the checkpoint of other settings.
    """
    path = folder / SETTINGS
    if not any(folder.glob(f"*/{RECORD}")):  # No epoch was finished: nothing to go on from.
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
    return sum(json.loads(path.read_text())["seconds"] for path in folder.glob(f"*/{RECORD}"))


class Checkpoint(keras.callbacks.Callback):
    """Saves the state of a training after each epoch, with what was recorded until then.

    Weights are written beside those of the epoch before; the record, which says whose weights
    count, is replaced as a whole. So a process may be killed at any moment.

    Args:
        folder: Where to save; it stays after training.
        history: A `StructureHistory` of the same training, which is saved and restored as well.

    Attributes:
        seconds: Time that was spent on all epochs so far.
        seconds_before: The part of it that was spent before an interruption.
    """

    def __init__(self, folder: Path, history: StructureHistory | None = None):
        super().__init__()
        self.folder = folder
        self.history = history
        self.seconds = self.seconds_before = 0.0

    def epochs_done(self) -> int:
        """How many epochs an earlier run of the same training has finished."""
        return self._read()["epochs"]

    def restore(self, model: keras.Model):
        """Brings a compiled model to where an earlier run has left it."""
        record = self._read()
        epochs = record["epochs"]
        if not epochs:
            return
        if not model.optimizer.built:  # Otherwise there is no place for its state.
            model.optimizer.build(model.trainable_variables)
        model.load_weights(self._weights_of(epochs))
        self.seconds = self.seconds_before = record["seconds"]
        if self.history:
            self.history.epochs[:] = record["structure"]
        print(f"  goes on after epoch {epochs}", flush=True)

    def on_train_begin(self, logs=None):
        self._begun = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        now = time.perf_counter()
        self.seconds, self._begun = self.seconds + now - self._begun, now
        record = {"epochs": epoch + 1, "seconds": self.seconds}
        if self.history:
            record["structure"] = self.history.epochs
        self.folder.mkdir(parents=True, exist_ok=True)
        self.model.save_weights(self._weights_of(epoch + 1), overwrite=True)
        write_whole(self.folder / RECORD, json.dumps(record))
        self._weights_of(epoch).unlink(missing_ok=True)

    def _weights_of(self, epochs):
        return self.folder / f"{epochs:05}.weights.h5"

    def _read(self):
        path = self.folder / RECORD
        return json.loads(path.read_text()) if path.exists() else {"epochs": 0}
