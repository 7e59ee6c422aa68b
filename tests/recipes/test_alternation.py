"""Turns end when the loss stops falling, in a run that was interrupted too."""

import keras
import pytest
from helpers.toys import data, started, stepped

from keras_switcher import ResumeTraining
from recipes.alternation import WhileLossFalls, whose_turn

LOSSES = [3.0, 2.0, 2.5, 1.0, 1.0, 0.5]
TURNS = ["switcher", "switcher", "switcher", "task", "task", "switcher"]


class Losses(keras.callbacks.Callback):
    """Other losses than those of training, and whose turn each epoch was."""

    def __init__(self):
        super().__init__()
        self.turns = []

    def on_epoch_begin(self, epoch, logs=None):
        self.turns.append(self.model.alternation)

    def on_epoch_end(self, epoch, logs=None):
        logs["loss"] = LOSSES[epoch]


@pytest.mark.parametrize("done", range(len(LOSSES)))
def test_a_turn_ends_when_the_loss_does_not_fall(done):
    assert whose_turn(LOSSES[:done]) == TURNS[done]


def test_an_interrupted_run_goes_on_with_the_same_turns(tmp_path):
    for done, until in ((0, 4), (4, 6)):
        resume, losses = ResumeTraining(tmp_path), Losses()
        callbacks = [losses, resume, WhileLossFalls(resume)]
        stepped(started(alternation="task"), *data(), epochs=until, callbacks=callbacks)
        assert losses.turns == TURNS[done:until]
