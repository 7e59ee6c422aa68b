"""An interrupted recipe goes on from the last epoch that it finished, and counts its time."""

import pytest
from helpers import toys

from recipes.checkpoints import Checkpoint, open_folder, seconds_in


def train(folder, epochs=3):
    model, checkpoint = toys.started(compiled={"run_eagerly": True}), Checkpoint(folder)
    toys.fit(model, *toys.data(), epochs=epochs, callbacks=[checkpoint])
    return model, checkpoint


def test_an_interrupted_run_says_where_it_goes_on(tmp_path, capsys):
    whole, _ = train(tmp_path / "whole")
    train(tmp_path / "parts", 2)
    assert capsys.readouterr().out == ""
    resumed, checkpoint = train(tmp_path / "parts")
    assert capsys.readouterr().out == "  goes on after epoch 2\n"
    assert toys.same(toys.values(whole), toys.values(resumed))
    assert 0 < checkpoint.seconds_before < checkpoint.seconds


def test_seconds_of_all_phases_count(tmp_path):
    before, after = (train(tmp_path / phase, 1)[1] for phase in ("before", "after"))
    assert seconds_in(tmp_path) == before.seconds + after.seconds > 0


def test_a_checkpoint_of_other_settings_is_refused(tmp_path):
    open_folder(tmp_path, {"epochs": 3})
    open_folder(tmp_path, {"epochs": 4})  # Nothing was trained yet.
    train(tmp_path / "switched", 1)
    with pytest.raises(ValueError, match=r"other settings.*\n  epochs: 4 there, 5 here"):
        open_folder(tmp_path, {"epochs": 5})
