"""A study runs what is due, once, in processes that end with it; its controls are what they say."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from filelock import FileLock

import keras_switcher as ks
import recipes.studies
from recipes import training
from recipes.methods import METHODS
from recipes.methods.switching import kept_by
from recipes.rows import of_backend
from recipes.settings import Settings
from recipes.studies.__main__ import main
from recipes.switchers import switched
from recipes.trials import measuring
from recipes.trials.encoding import decode_structure, encode_structure
from recipes.trials.measuring import measure
from recipes.trials.run_trial import run_trial
from recipes.trials.structures import random_structure
from recipes.trials.study_rows import StudyRows
from recipes.trials.trial import Experiment, Outcome, Trial

# From a spread: two epochs from one would remove nothing.
SETTINGS = Settings(
    epochs=2, batch_size=256, switcher_learning_rate=0.005, start="near_one", budget=0.5
)
DENSE = Experiment("dense", "digits", "dense", SETTINGS, seeds=2)
ROW = Experiment("row", "digits", "switched", SETTINGS, seeds=1)
RANDOM = Experiment("random", "digits", "random structure", SETTINGS, "row", seeds=1)
ENDLESS = Experiment("endless", "digits", "dense", replace(SETTINGS, epochs=10**6), seeds=1)
MNIST = of_backend("mnist")
# Methods that take no structure, by how their names begin.
OF_THEIR_OWN = (
    *("dense", "switched", "prune", "cut early"),
    *("lottery ticket", "edge-popup", "uniform width, budget"),
)
# A study of another process.
COMMAND = """
import sys, recipes.studies
from recipes.studies.__main__ import main
from test_studies import ENDLESS
if __name__ == "__main__":
    recipes.studies.experiments = lambda _: [ENDLESS]
    sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Runs the command with a study of these experiments."""

    def run(experiments, *arguments):
        monkeypatch.setattr(recipes.studies, "experiments", lambda _: experiments)
        folders = ["--results", str(tmp_path / "results"), "--output", str(tmp_path / "runs")]
        return main(["mnist", "--processes", "1", *folders, *arguments])

    return run


def sizes(structure):
    return {name: int(mask.sum()) for name, mask in decode_structure(structure).items()}


def contents(folder):
    return {path: path.read_text() for path in folder.rglob("*.json")}


def test_a_study_runs_what_is_due_in_processes_and_writes_each_row_once(study, tmp_path, capfd):
    experiments, results = [RANDOM, DENSE, ROW], tmp_path / "results"
    assert study(experiments) == 0
    rows = StudyRows("mnist", results=results).newest
    assert set(rows) == {("dense", 0), ("dense", 1), ("row", 0), ("random", 0)}
    assert sizes(rows["random", 0]["structure"]) == sizes(rows["row", 0]["structure"])
    assert rows["row", 0]["accuracy"] == rows["row", 0]["compact_accuracy"]
    assert rows["row", 0]["classes_changed"] == 0
    assert not [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    assert "[4/4]" in capfd.readouterr().out
    before = contents(results)
    assert study(experiments) == 0
    assert f"Nothing is due: {results / MNIST} has these rows" in capfd.readouterr().out
    assert study(experiments, "--only", "random", "--again") == 0
    row = rows["random", 0]
    removed = f", {row['weights_removed']:.1%} removed" if row["weights_removed"] else ""
    shown = f"{row['accuracy']:.2%}{removed}"
    version = ks.__version__
    assert f"random, seed 0: {shown} ({shown} in the row of {version})" in capfd.readouterr().out
    assert contents(results) == before


def test_what_is_due_is_listed_without_data(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("recipes.studies.__main__.load", lambda *_: pytest.fail("reads data"))
    results = ["--results", str(tmp_path)]
    assert main(["mnist", "--list", "--only", "mlp dense", "--seeds", "1", "3", *results]) == 0
    assert capsys.readouterr().out == "mlp dense, seed 1\nmlp dense, seed 3\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--again"], "--again and --smoke need --only"),
        (["--smoke"], "--again and --smoke need --only"),
        (["--only", "no such"], "no such experiment: no such. There are:"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments, words, capsys):
    with pytest.raises(SystemExit):
        main(["mnist", *arguments])
    assert words in capsys.readouterr().err


def test_nothing_is_begun_that_will_not_end_in_time(study, tmp_path, capfd):
    assert study([DENSE], "--time-limit", "0") == 0
    assert "Left for another time: 2. The same" in capfd.readouterr().out
    assert not contents(tmp_path)


def test_at_the_time_limit_a_trial_is_stopped_and_goes_on_another_time(study, tmp_path, capfd):
    started, epochs = time.monotonic(), 0
    while not epochs and time.monotonic() - started < 200:  # Until a machine's speed is enough.
        seconds = 15 + (time.monotonic() - started) / 2
        began = time.monotonic()
        assert study([ENDLESS], "--time-limit", str(seconds / 60)) == 0
        assert time.monotonic() - began < seconds + 10
        assert "Left for another time: 1" in capfd.readouterr().out
        epochs = len(list((tmp_path / "runs").rglob("checkpoint.npz")))
    assert epochs
    (folder,) = (tmp_path / "runs" / MNIST / "endless").iterdir()
    with FileLock(folder / "lock", timeout=10):
        assert not contents(tmp_path / "results")


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes where Linux has them")
def test_after_kill_9_no_worker_lives_on_and_no_lock_is_held(tmp_path):
    script = tmp_path / "endless_study.py"
    script.write_text(COMMAND)
    folders = ["--results", str(tmp_path / "results"), "--output", str(tmp_path / "runs")]
    here = Path(__file__).parent
    paths = os.pathsep.join(map(str, [here.parents[1], here]))
    command = [sys.executable, str(script), "mnist", "--processes", "1", *folders]
    runner = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths})
    try:
        wait_for(lambda: list((tmp_path / "runs").rglob("checkpoint.npz")), 200)
        children = Path(f"/proc/{runner.pid}/task/{runner.pid}/children").read_text().split()
        assert children
    finally:
        runner.send_signal(signal.SIGKILL)
        runner.wait()
    (folder,) = (tmp_path / "runs" / MNIST / "endless").iterdir()
    with FileLock(folder / "lock", timeout=20):
        wait_for(lambda: not any(is_alive(pid) for pid in children), 20)


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_two_processes_do_not_run_the_same_trial(tmp_path):
    with FileLock(tmp_path / "lock"), pytest.raises(RuntimeError, match="Another process works in"):
        run_trial(Trial(DENSE, 0, tmp_path))
    assert run_trial(Trial(DENSE, 0, tmp_path))["experiment"] == "dense"


def test_a_trial_repeats_itself_and_does_not_run_for_a_row_that_is_there(tmp_path):
    path = tmp_path / "rows" / "row.json"
    first = run_trial(Trial(DENSE, 0, tmp_path / "a"), path)
    again = run_trial(Trial(DENSE, 0, tmp_path / "b"))
    assert {**first, "seconds": 0} == {**again, "seconds": 0}
    assert json.loads(path.read_text()) == first
    path.write_text(json.dumps({**first, "accuracy": 2.0}))
    assert run_trial(Trial(DENSE, 0, tmp_path / "a"), path)["accuracy"] == 2.0


def test_a_killed_trial_goes_on_and_ends_as_an_uninterrupted_one(tmp_path, monkeypatch):
    class Killed(training._Progress):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt
            super().on_epoch_begin(epoch)

    printed = []

    def keep(folder, **_):
        printed.append((folder / "log.txt").read_text())

    monkeypatch.setattr("recipes.trials.run_trial.shutil", SimpleNamespace(rmtree=keep))
    with monkeypatch.context() as patch:
        patch.setattr(training, "_Progress", Killed)
        with pytest.raises(KeyboardInterrupt):
            run_trial(Trial(ROW, 0, tmp_path / "killed"))
    resumed = run_trial(Trial(ROW, 0, tmp_path / "killed"))
    assert "goes on after epoch 1" in printed[0]
    whole = run_trial(Trial(ROW, 0, tmp_path / "whole"))
    assert {**resumed, "seconds": 0} == {**whole, "seconds": 0}


def test_a_smoke_run_has_few_samples_and_epochs(tmp_path):
    smoke = replace(ROW, settings=replace(SETTINGS, epochs=9, smoke=True))
    trial = Trial(smoke, 3, tmp_path)
    assert (trial.settings.epochs, trial.settings.seed, len(trial.data.train.x)) == (2, 3, 512)
    assert trial.settings.switcher_learning_rate == SETTINGS.switcher_learning_rate / 10


@pytest.mark.parametrize("name", [n for n in METHODS if not n.startswith(OF_THEIR_OWN)])
def test_a_given_structure_is_what_is_trained_and_counted(name, tmp_path):
    trained = DENSE if "trained" in name else None
    experiment = Experiment(name, "digits", name, SETTINGS, "row", share=0.5, trained=trained)
    plain = Trial(experiment, 0, tmp_path / "study" / "experiment" / "trial")
    groups = [g for g in ks.channel_groups(plain.network()) if g.prunable]
    half = {g.name: np.arange(g.size) < g.size // 2 for g in groups}
    structure = random_structure(plain.network(), half, 1)
    trial = replace(plain, structure=structure)
    outcome = METHODS[name](trial)
    row = measure(trial, outcome)
    all_weights = 64 * 128 + 128 * 64 + 64 * 10
    weights = sum(int(np.prod(w.shape)) for w in outcome.model.trainable_weights)
    assert row["weights_removed"] == pytest.approx(1 - weights / all_weights, abs=1e-6)
    if "uniform" in name:
        assert 0.7 < row["weights_removed"] < 0.77
    else:
        assert weights == 32 * 64 + 64 * 32 + 32 * 10
        assert row["widths"] == "32-64-32"
    if name.startswith("learned"):
        assert encode_structure(outcome.keep) == encode_structure(structure)
    equal_cost = round(2 * all_weights / weights)
    assert outcome.epochs == (equal_cost if name.endswith("equal cost") else 2)


@pytest.mark.parametrize(
    ("groups", "most", "number"),
    [("dense", 64, 64), ("dense", 63, None), ("all", 1024, None), ("dense", 0, None)],
)
def test_a_row_keeps_the_factors_of_what_dense_layers_read_where_they_are_few(
    groups, most, number, tmp_path, monkeypatch
):
    monkeypatch.setattr(measuring, "MOST_FACTORS", most)
    settings = replace(SETTINGS, groups=groups)
    trial = Trial(Experiment("one", "digits", "switched", settings), 0, tmp_path)
    model = switched(trial.network(), settings, 1000)
    row = measure(trial, Outcome(model, 2, kept_by(model)))
    assert len(row.get("factors", ())) == (number or 0)
    if number:
        factors = model.scaling_factors()["hidden_1/inputs"]
        assert len(set(row["factors"])) > number / 2
        np.testing.assert_allclose(row["factors"], factors, atol=0.00051)


def test_controls_of_connections_have_the_density_that_is_given(tmp_path):
    settings = replace(SETTINGS, connections=True)
    # Higher rates leave next to nothing, by chance, and each backend draws other weights.
    changes = {"start": "half_zeros", "budget": None, "learning_rate": 0.01}
    changes["switcher_learning_rate"] = 1e-4
    row = Experiment("row", "digits", "switched", replace(settings, **changes))
    learned = run_trial(Trial(row, 0, tmp_path / "row"))
    assert learned["compact_accuracy"] == learned["accuracy"]
    counts = list(map(int, learned["widths"].split("-")))
    assert sum(counts) / 17024 == pytest.approx(1 - learned["weights_removed"], abs=1e-4)
    # Half of them: so many that chance leaves hardly a unit without any, which would take others.
    masks = decode_structure(learned["structure"])
    half = {n: (np.arange(m.size) % 2 == 0).reshape(m.shape) for n, m in masks.items()}
    for method in ("random structure", "magnitude", "magnitude, one cosine"):
        control = Experiment(method, "digits", method, settings, "row", share=0.5)
        made = run_trial(Trial(control, 0, tmp_path / method, half))
        assert made["compact_accuracy"] == made["accuracy"]
        assert made["widths"] == "4096-4096-320"
        assert made["weights_removed"] == pytest.approx(0.5, abs=0.01)


def test_no_learned_structure_of_connections_is_invented(tmp_path):
    settings = replace(SETTINGS, connections=True)
    trial = Experiment("learned", "digits", "learned structure", settings, "row")
    with pytest.raises(ValueError, match="how many connections are kept, not which"):
        run_trial(Trial(trial, 0, tmp_path, {"hidden_1/connections": np.ones((64, 128), bool)}))
