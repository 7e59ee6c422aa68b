"""A study runs what is due, once, and its controls are what they are called."""

import json
from dataclasses import replace

import numpy as np
import pytest

import keras_switcher as ks
from recipes import training
from recipes.evidence import __main__ as command
from recipes.evidence.experiment import Experiment
from recipes.evidence.ledger import Ledger
from recipes.evidence.measuring import measure
from recipes.evidence.structures import random_structure
from recipes.evidence.tasks import load
from recipes.evidence.treatments import TREATMENTS, Trial
from recipes.evidence.trials import run_trial
from recipes.evidence.written import read_structure, write_structure
from recipes.files import alone_in
from recipes.settings import Settings

# From a spread: two epochs from one would remove nothing.
SETTINGS = Settings(
    epochs=2, batch_size=256, switcher_learning_rate=0.005, start="near_one", budget=0.5
)
DENSE = Experiment("dense", "digits", "dense", SETTINGS, seeds=2)
ROW = Experiment("row", "digits", "switched", SETTINGS, seeds=1)
RANDOM = Experiment("random", "digits", "random structure", SETTINGS, "row", seeds=1)


def sizes(text):
    return {name: int(mask.sum()) for name, mask in read_structure(text).items()}


def test_a_study_runs_what_is_due_in_processes_and_writes_each_row_once(
    tmp_path, monkeypatch, capfd
):
    study = type("study", (), {"EXPERIMENTS": [RANDOM, DENSE, ROW]})
    monkeypatch.setitem(command.STUDIES, "mnist", study)
    csv = tmp_path / "study.csv"
    arguments = ["mnist", "--csv", str(csv), "--output", str(tmp_path / "runs")]
    assert command.main(arguments) == 0
    rows = Ledger(csv).rows
    assert set(rows) == {("dense", 0), ("dense", 1), ("row", 0), ("random", 0)}
    assert sizes(rows["random", 0]["structure"]) == sizes(rows["row", 0]["structure"])
    assert rows["row", 0]["accuracy"] == rows["row", 0]["compact_accuracy"]
    assert rows["row", 0]["classes_changed"] == "0"
    assert rows["row", 0]["command"] == 'python -m recipes.evidence mnist --only "row" --seeds 0'
    assert not list((tmp_path / "runs").rglob("*.json"))
    assert "[4/4]" in capfd.readouterr().out
    before = csv.read_text()
    assert command.main(arguments) == 0
    assert f"Nothing is due: {csv} has these rows" in capfd.readouterr().out
    again = [*arguments, "--only", "random", "--again"]
    assert command.main(again) == 0
    row = rows["random", 0]
    shown = f"{float(row['accuracy']):.2%}, {float(row['weights_removed']):.1%} removed"
    assert f"random, seed 0: {shown} ({shown} in the row)" in capfd.readouterr().out
    assert csv.read_text() == before


def test_what_is_due_is_listed_without_data(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "load", lambda *_: pytest.fail("reads data"))
    csv = ["--csv", str(tmp_path / "study.csv")]
    assert command.main(["mnist", "--list", "--only", "mlp dense", "--seeds", "1", "3", *csv]) == 0
    assert capsys.readouterr().out == "mlp dense, seed 1\nmlp dense, seed 3\n"


def test_again_asks_for_names(capsys):
    with pytest.raises(SystemExit):
        command.main(["mnist", "--again"])
    assert "--again needs --only" in capsys.readouterr().err


def test_two_processes_do_not_run_the_same_trial(tmp_path):
    with alone_in(tmp_path), pytest.raises(RuntimeError, match="Another process works in"):
        run_trial(DENSE, 0, None, tmp_path, None)
    assert run_trial(DENSE, 0, None, tmp_path, None)["experiment"] == "dense"


def test_an_unknown_experiment_is_named(capsys):
    with pytest.raises(SystemExit):
        command.main(["mnist", "--only", "no such"])
    assert "no such experiment: no such. There are:" in capsys.readouterr().err


def test_a_trial_repeats_itself_and_gives_an_unwritten_result_again(tmp_path):
    first = run_trial(DENSE, 0, None, tmp_path / "a", None)
    again = run_trial(DENSE, 0, None, tmp_path / "b", None)
    assert first["accuracy"] == again["accuracy"]
    assert first["loss"] == again["loss"]
    (tmp_path / "a" / "result.json").write_text(json.dumps({**first, "accuracy": 2.0}))
    assert run_trial(DENSE, 0, None, tmp_path / "a", None)["accuracy"] == 2.0


def test_a_killed_trial_goes_on_and_ends_as_an_uninterrupted_one(tmp_path, monkeypatch):
    class Killed(training._Lines):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training, "_Lines", Killed)
        with pytest.raises(KeyboardInterrupt):
            run_trial(ROW, 0, None, tmp_path / "killed", None)
    resumed = run_trial(ROW, 0, None, tmp_path / "killed", None)
    assert "goes on after epoch 1" in (tmp_path / "killed" / "log.txt").read_text()
    whole = run_trial(ROW, 0, None, tmp_path / "whole", None)
    assert {**resumed, "seconds": 0} == {**whole, "seconds": 0}


def test_a_trial_refuses_the_checkpoint_of_other_settings(tmp_path):
    run_trial(DENSE, 0, None, tmp_path, None)
    (tmp_path / "result.json").unlink()
    other = replace(DENSE, settings=replace(SETTINGS, momentum=0.5))
    with pytest.raises(ValueError, match="other settings"):
        run_trial(other, 0, None, tmp_path, None)


@pytest.mark.parametrize("name", [n for n in TREATMENTS if n not in ("dense", "switched")])
def test_a_given_structure_is_what_is_trained_and_counted(name, tmp_path):
    data = load("digits", False, None)
    experiment = Experiment(name, "digits", name, SETTINGS, "row", share=0.5)
    plain = Trial(experiment, 0, data, tmp_path)
    groups = [g for g in ks.channel_groups(plain.network()) if g.prunable]
    half = {g.name: np.arange(g.size) < g.size // 2 for g in groups}
    structure = random_structure(plain.network(), half, 1)
    trial = replace(plain, structure=structure)
    outcome = TREATMENTS[name](trial)
    row = measure(trial, outcome)
    all_weights = 64 * 128 + 128 * 64 + 64 * 10
    weights = sum(int(np.prod(w.shape)) for w in outcome.model.trainable_weights)
    assert row["weights_removed"] == pytest.approx(1 - weights / all_weights, abs=1e-6)
    if name.startswith("uniform width"):
        assert 0.7 < row["weights_removed"] < 0.77
    else:
        assert weights == 32 * 64 + 64 * 32 + 32 * 10
        assert row["widths"] == "32-64-32"
    if name.startswith("learned"):
        assert write_structure(outcome.keep) == write_structure(structure)
    equal_cost = round(2 * all_weights / weights)
    assert outcome.epochs == (equal_cost if name.endswith("equal cost") else 2)


def test_controls_of_connections_have_the_density_that_was_learned(tmp_path):
    settings = replace(SETTINGS, connections=True)
    half_zeros = replace(settings, start="half_zeros", budget=None)
    row = Experiment("row", "digits", "switched", half_zeros)
    learned = run_trial(row, 0, None, tmp_path / "row", None)
    assert learned["compact_accuracy"] == learned["accuracy"]
    counts = list(map(int, learned["widths"].split("-")))
    assert sum(counts) / 17024 == pytest.approx(1 - learned["weights_removed"], abs=1e-4)
    for treatment in ("random structure", "magnitude", "magnitude, one cosine"):
        control = Experiment(treatment, "digits", treatment, settings, "row", share=0.5)
        made = run_trial(control, 0, learned["structure"], tmp_path / treatment, None)
        assert made["compact_accuracy"] == made["accuracy"]
        # A unit without any connection takes others with it.
        assert made["weights_removed"] == pytest.approx(learned["weights_removed"], abs=0.01)


def test_no_learned_structure_of_connections_is_invented(tmp_path):
    settings = replace(SETTINGS, connections=True)
    trial = Experiment("learned", "digits", "learned structure", settings, "row")
    with pytest.raises(ValueError, match="how many connections are kept, not which"):
        run_trial(trial, 0, "hidden_1/connections:64x128:100", tmp_path, None)
