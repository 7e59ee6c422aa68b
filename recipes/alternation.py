"""Algorithm 1 of arXiv 2110.05954: task and switcher in turn, each while the loss falls."""

from collections.abc import Sequence
from itertools import pairwise

import keras

from keras_switcher import ResumeTraining

WHILE_LOSS_FALLS = "while_loss_falls"


def whose_turn(losses: Sequence[float]) -> str:
    """Which network is trained after epochs with these losses: the other one after each rise."""
    rises = sum(loss >= before for before, loss in pairwise(losses))
    return "task" if rises % 2 else "switcher"


class WhileLossFalls(keras.callbacks.Callback):
    """Trains one network while an epoch's loss is below the last one's, then the other.

    It comes after the `ResumeTraining` of the same training, which knows all losses, also those of
    epochs before an interruption.
    """

    def __init__(self, resume: ResumeTraining):
        super().__init__()
        self._resume = resume

    def on_train_begin(self, logs=None):
        losses = [of_epoch["loss"] for of_epoch in self._resume.logs.values()]
        self.model.alternation = whose_turn(losses)

    def on_epoch_end(self, epoch, logs=None):
        self.on_train_begin()
