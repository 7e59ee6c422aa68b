"""Turns end when the loss stops falling, in a run that was interrupted too."""

from helpers.toys import data, started, stepped

from recipes.alternation import WhileLossFalls


class Losses(WhileLossFalls):
    """Sees other losses than those of training."""

    def __init__(self, *args, losses):
        super().__init__(*args)
        self.losses = losses
        self.turns = []

    def on_epoch_begin(self, epoch, logs=None):
        self.turns.append(self.model.alternation)

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, {"loss": self.losses[epoch]})


LOSSES = [3.0, 2.0, 2.5, 1.0, 1.0, 0.5]
TURNS = ["switcher", "switcher", "switcher", "task", "task", "switcher"]


def test_a_turn_ends_when_the_loss_does_not_fall(tmp_path):
    turns = Losses(tmp_path / "turns.json", lambda: 0, losses=LOSSES)
    stepped(started(), *data(), epochs=6, callbacks=[turns])
    assert turns.turns == TURNS


def test_an_interrupted_run_goes_on_with_the_same_turns(tmp_path):
    for done, until in ((0, 5), (4, 6)):  # The fifth epoch was lost with its checkpoint.
        turns = Losses(tmp_path / "turns.json", lambda done=done: done, losses=LOSSES)
        stepped(started(), *data(), initial_epoch=done, epochs=until, callbacks=[turns])
        assert turns.turns == TURNS[done:until]
