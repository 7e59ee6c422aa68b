"""Algorithm 1 of arXiv 2110.05954: task and switcher in turn, each while the loss falls."""

import json
from collections.abc import Callable
from pathlib import Path

import keras

from keras_switcher.files import write_whole

WHILE_LOSS_FALLS = "while_loss_falls"
FIRST, SECOND = "switcher", "task"


class WhileLossFalls(keras.callbacks.Callback):
    """One network is trained while the loss of an epoch is below the last one's, then the other.

    Args:
        path: A file that keeps, for interrupted runs, what is known after each epoch.
        epochs_done: Called without arguments when training begins: how many epochs are done.
    """

    def __init__(self, path: Path, epochs_done: Callable[[], int]):
        super().__init__()
        self._path, self._epochs_done = path, epochs_done

    def on_train_begin(self, logs=None):
        known = json.loads(self._path.read_text()) if self._path.exists() else {}
        self._after = {0: [FIRST, None], **{int(epoch): state for epoch, state in known.items()}}
        self.model.alternation = self._after[self._epochs_done()][0]

    def on_epoch_end(self, epoch, logs=None):
        trained, last = self._after[epoch]
        if last is not None and logs["loss"] >= last:
            trained = SECOND if trained == FIRST else FIRST
        self._after[epoch + 1] = [trained, logs["loss"]]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self._path, json.dumps(self._after))
        self.model.alternation = trained
