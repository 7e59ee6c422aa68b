"""What an interrupted run leaves behind, so that the same command goes on from there."""

import contextlib
import json
import signal
import threading
import time
from pathlib import Path

import keras

from keras_switcher import StructureHistory

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
        path.write_text(json.dumps(settings, indent=2) + "\n")
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


class Checkpoint(keras.callbacks.BackupAndRestore):
    """Saves the state of a training after each epoch, with what was recorded until then.

    Args:
        folder: Where to save; what is there is restored first. The folder stays after training.
        history: A `StructureHistory` of the same training, which is saved and restored as well.

    Attributes:
        seconds: Time that was spent on all epochs so far.
        seconds_before: The part of it that was spent before an interruption.
    """

    def __init__(self, folder: Path, history: StructureHistory | None = None):
        super().__init__(str(folder), delete_checkpoint=False)
        self._record = folder / RECORD
        self.history = history
        self.seconds = self.seconds_before = 0.0

    @property
    def folder(self) -> Path:
        """Where it saves."""
        return self._record.parent

    def epochs_done(self) -> int:
        """How many epochs an earlier run of the same training has finished."""
        return json.loads(self._record.read_text())["epochs"] if self._record.exists() else 0

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        if self._record.exists():
            record = json.loads(self._record.read_text())
            self.seconds = self.seconds_before = record["seconds"]
            print(f"  goes on after epoch {record['epochs']}", flush=True)
            if self.history:
                self.history.epochs[:] = record["structure"]
        self._begun = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        now = time.perf_counter()
        self.seconds, self._begun = self.seconds + now - self._begun, now
        record = {"epochs": epoch + 1, "seconds": self.seconds}
        if self.history:
            record["structure"] = self.history.epochs
        with _interrupted_afterwards():
            super().on_epoch_end(epoch, logs)
            self._record.write_text(json.dumps(record))


@contextlib.contextmanager
def _interrupted_afterwards():
    """Holds Ctrl-C back, so that no half of a checkpoint is left."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = []
    handler = signal.signal(signal.SIGINT, lambda *arguments: signals.append(arguments))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if signals:
        raise KeyboardInterrupt
