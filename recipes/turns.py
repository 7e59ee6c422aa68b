"""Whose turn it is when turns end as soon as the loss stops falling."""

import json
from pathlib import Path

import keras

from keras_switcher.files import write_whole

WHILE_LOSS_FALLS = "while_loss_falls"
TURNS = ("switcher", "task")


class WhileLossFalls(keras.callbacks.Callback):
    """One network is trained while the loss of an epoch is below the last one's, then the other.

    Algorithm 1 of arXiv 2110.05954 ("while the loss still decreases"), epoch by epoch; the
    switcher begins.

    Args:
        path: A file that keeps, for interrupted runs, what is known after each epoch.
        epochs_done: Called without arguments when training begins: how many epochs are done.
    """

    def __init__(self, path: Path, epochs_done):
        super().__init__()
        self._path = path
        self._epochs_done = epochs_done
        self._after = {}

    def on_train_begin(self, logs=None):
        self._after = {0: [TURNS[0], None]}
        if self._path.exists():
            known = json.loads(self._path.read_text())
            self._after |= {int(epoch): state for epoch, state in known.items()}
        self.model.alternation = self._after[self._epochs_done()][0]

    def on_epoch_end(self, epoch, logs=None):
        turn, last = self._after[epoch]
        if last is not None and logs["loss"] >= last:
            turn = TURNS[1 - TURNS.index(turn)]
        self._after[epoch + 1] = [turn, logs["loss"]]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self._path, json.dumps(self._after))
        self.model.alternation = turn
