"""ResumeTraining: a callback by which a killed training goes on from its last whole epoch."""

import os
from pathlib import Path

import keras
import numpy as np

from keras_switcher.atomic_files import remove_leftovers, temporary_folder
from keras_switcher.random_generators import generator_states, restore_generators
from keras_switcher.structure_history import StructureHistory
from keras_switcher.training.resuming.checkpoint_file import (
    read_record,
    restore_values,
    write_checkpoint,
)
from keras_switcher.training.resuming.training_state import settings_of, state_of

CHECKPOINT = "checkpoint.npz"


class ResumeTraining(keras.callbacks.Callback):
    """Saves a training after each epoch, and goes on from there when `fit` is called again.

    For any built Keras model, `SwitcherModel` included. The checkpoint is one file, which is
    replaced once the new one is complete: whenever the process is killed, also while it saves, what
    the last finished epoch left is there. `keras.callbacks.BackupAndRestore` does the same where
    nothing is killed while it saves.

    Saved are all variables of the model and its optimizers, the states of its layers' random
    generators (Dropout and its like), under PyTorch that of its own generator too, and the logs of
    each epoch: the History that `fit` returns is that of the whole training. So a resumed training
    ends as an uninterrupted one, bit by bit, where the order of the data is a function of the epoch
    (`shuffle=False`, say). It goes on from whole epochs only: one that was interrupted is run again
    from its start.

    Not saved is what other callbacks keep (the patience of EarlyStopping, say) or have set on the
    model other than variables. Put it last in the list, so that what they change at an epoch's end
    is saved. Where a callback has ended the training, it goes on from that epoch; an epoch whose
    loss is not finite is not saved.

    The checkpoint stays when training ends: to run the finished script again trains nothing more,
    to run it with more `epochs` trains those. To train from the start, delete the folder.

    Args:
        folder: Where to save. It belongs to one training; what is missing is made.
        history: A `StructureHistory` of the same training, which is saved and restored as well.
            Put it before this callback.

    Attributes:
        logs: The logs of each epoch that was finished, by its number.

    Raises:
        ValueError: When `fit` begins, if the folder cannot be written to, or holds the checkpoint
            of another network, optimizer or setting, or of more epochs than `fit` is to train.
            Neither the model nor the folder are changed.

    Example:

    >>> import tempfile
    >>> import keras_switcher as ks
    >>> folder = tempfile.mkdtemp()
    >>> def train(epochs):
    ...     model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    ...     model.compile("adam", "mse")
    ...     resume = ks.ResumeTraining(folder)
    ...     x, y = np.ones((8, 2)), np.ones((8, 1))
    ...     return model.fit(x, y, epochs=epochs, shuffle=False, verbose=0, callbacks=[resume])
    >>> first = train(epochs=2)  # And the process ends, in whatever way.
    >>> whole = train(epochs=3)  # One more epoch.
    >>> whole.epoch, whole.history["loss"][:2] == first.history["loss"]
    ([0, 1, 2], True)
    """

    def __init__(self, folder: str | os.PathLike, history: StructureHistory | None = None) -> None:
        super().__init__()
        if not isinstance(folder, str | os.PathLike) or not str(folder):
            raise ValueError(f"`folder` must be a path. Received: folder={folder!r}.")
        self.folder = Path(folder)
        self.history = history
        self.logs: dict[int, dict] = {}

    def epochs_done(self) -> int:
        """How many epochs of the training are in the folder; 0 before the first one is finished.

        Raises:
            ValueError: If what is there is no checkpoint.
        """
        record = read_record(self._path)
        return record["epochs"] if record else 0

    def on_train_begin(self, logs: dict | None = None) -> None:
        variables = state_of(self.model)
        record = read_record(self._path)
        settings = settings_of(self.model)
        if record:
            self._check_record(record, settings)
        self._check_folder()
        self._settings = record["settings"] if record else settings
        self.logs = dict(record["logs"]) if record else {}
        self._untold = dict(self.logs)
        if record:
            restore_values(self._path, record, variables)
            restore_generators(record.get("generators", {}))  # Version 0.2.4 saved none.
            # Private, as in Keras's own BackupAndRestore: fit() looks here once training has begun.
            self.model._initial_epoch = record["epochs"]
            if self.history:
                self.history.epochs[:] = record["structure"]

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._tell_history()
        self._recorded = len(self.history.epochs) if self.history else None

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        logs = {name: np.asarray(value).tolist() for name, value in (logs or {}).items()}
        self.logs[epoch] = logs
        if not np.isfinite(logs.get("loss", 0.0)):
            return
        settings = settings_of(self.model)
        record = {
            "epochs": epoch + 1,
            "logs": list(self.logs.items()),
            "settings": self._settings,
            "generators": generator_states(),
            # Callbacks may change learning rates.
            "since": {n: v for n, v in settings.items() if self._settings.get(n) != v},
        }
        if self.history:
            if len(self.history.epochs) == self._recorded:
                raise ValueError(
                    "The StructureHistory has not recorded the epoch that is to be saved. Put it "
                    "before ResumeTraining in the list of callbacks."
                )
            record["structure"] = self.history.epochs
        write_checkpoint(self._path, state_of(self.model), record)

    def on_train_end(self, logs: dict | None = None) -> None:
        self._tell_history()

    @property
    def _path(self) -> Path:
        return self.folder / CHECKPOINT

    def _tell_history(self) -> None:
        """Hands over the epochs before; Keras's History has forgotten all when training began."""
        self.model._initial_epoch = None  # Otherwise it would hold for every fit() to come.
        history = self.model.history
        if history is not None and not history.epoch:
            for epoch, logs in self._untold.items():
                history.on_epoch_end(epoch, logs)
        self._untold = {}

    def _check_record(self, record: dict, settings: dict) -> None:
        there = record["settings"]
        if settings not in (there, {**there, **record["since"]}):
            different = [
                f"  {name}: {there.get(name)!r} there, {settings.get(name)!r} here"
                for name in sorted(there.keys() | settings.keys())
                if there.get(name) != settings.get(name)
            ]
            raise ValueError(
                f"{self._path} is the checkpoint of another training, left as it is:\n"
                + "\n".join(different[:10])
                + "\nGo on with the same network and settings, choose another folder, or delete it."
            )
        done, epochs = record["epochs"], self.params.get("epochs")
        if epochs is not None and done > epochs:
            raise ValueError(
                f"{self._path} has {done} epochs, more than fit() is to train: epochs={epochs}. "
                "Choose another folder, or delete it."
            )
        if self.history and "structure" not in record:
            raise ValueError(
                f"{self._path} was saved without a StructureHistory, which would lack the epochs "
                "before. Go on without it, choose another folder, or delete it."
            )

    def _check_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            remove_leftovers(self._path)
            with temporary_folder(self._path):
                pass
        except OSError as error:
            raise ValueError(
                f"ResumeTraining cannot write to {self.folder}: {error}. Choose another folder."
            ) from error
