"""Trials that start from a trained network have the one that its row measured."""

from dataclasses import replace

import numpy as np
import pytest

import recipes.trials.trained as trained
from recipes.methods import METHODS
from recipes.rows import of_backend
from recipes.settings import Settings
from recipes.trials.runner import Runner
from recipes.trials.study_rows import StudyRows
from recipes.trials.trained import trained_network
from recipes.trials.trial import Experiment, Trial

pytest.importorskip("sklearn")

SETTINGS = Settings(epochs=2, batch_size=256, switcher_learning_rate=0.005, budget=None)
DENSE = Experiment("dense", "digits", "dense", SETTINGS, seeds=2, is_kept=True)
TUNED = Experiment("tuned", "digits", "switched", SETTINGS, seeds=4, trained=DENSE)


def trial(tmp_path, experiment, seed=0):
    return Trial(experiment, seed, tmp_path / "study" / experiment.name / f"seed-{seed}")


def weights(model):
    return [np.asarray(weight) for weight in model.get_weights()]


def assert_same(model, other):
    for one, two in zip(weights(model), weights(other), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_kept_network_is_what_others_start_from_and_is_not_trained_again(tmp_path, monkeypatch):
    dense = METHODS["dense"](trial(tmp_path, DENSE)).model
    monkeypatch.setattr(Trial, "train", lambda *_, **__: pytest.fail("trains"))
    assert_same(trained_network(trial(tmp_path, TUNED)), dense)
    # Seeds beyond those of the dense network start from the same ones in turn.
    assert_same(trained_network(trial(tmp_path, TUNED, seed=2)), dense)


def test_a_network_that_was_not_kept_is_trained_as_there(tmp_path):
    dense = METHODS["dense"](trial(tmp_path / "elsewhere", DENSE, seed=1)).model
    found = trained_network(trial(tmp_path, TUNED, seed=3))
    assert_same(found, dense)
    assert len(list((tmp_path / of_backend(trained.FOLDER)).glob("*.weights.h5"))) == 1


def test_other_settings_have_another_file(tmp_path):
    METHODS["dense"](trial(tmp_path, DENSE))
    other = replace(DENSE, settings=replace(SETTINGS, learning_rate=0.05))
    METHODS["dense"](trial(tmp_path, other, seed=1))
    assert len(list((tmp_path / of_backend(trained.FOLDER)).glob("*.weights.h5"))) == 2


def test_a_trial_waits_for_the_row_of_its_trained_network(tmp_path):
    rows = StudyRows("study", [TUNED, DENSE], tmp_path)
    runner = Runner(rows, tmp_path / "runs")
    begun = [runner._next() for _ in range(3)]
    assert begun == [(DENSE, 0), (DENSE, 1), None]


def test_a_trained_network_is_trained_on(tmp_path):
    tuned = replace(TUNED, method="dense, trained")
    before = trained_network(trial(tmp_path, tuned))
    outcome = METHODS["dense, trained"](trial(tmp_path, tuned))
    assert outcome.epochs == SETTINGS.epochs
    assert not np.array_equal(weights(outcome.model)[0], weights(before)[0])


def test_what_a_trial_starts_from_decides_on_its_row():
    other = replace(TUNED, trained=replace(DENSE, settings=replace(SETTINGS, epochs=3)))
    assert TUNED.described() != other.described()
    assert TUNED.as_smoke().trained.settings.smoke
