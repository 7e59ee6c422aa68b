"""Rows of older versions: due again exactly where a default has changed, and never mixed."""

import json
from dataclasses import asdict, replace

import pytest

from recipes.evidence import __main__ as command
from recipes.evidence import digits_controls, mnist
from recipes.evidence.experiment import Experiment
from recipes.evidence.families import FROZEN
from recipes.evidence.ledger import Ledger
from recipes.evidence.runner import Runner
from recipes.evidence.trials import run_trial
from recipes.evidence.versions import BUDGETS_CHANGED, completed, rows_shown, versions
from recipes.settings import Settings

BUDGET, FREELY = Settings(budget=0.5), Settings(budget=None)
ROW = Experiment("row", "digits", "switched", BUDGET, seeds=2)
RANDOM = Experiment("random", "digits", "random structure", BUDGET, "row", seeds=2)
DENSE = Experiment("dense", "digits", "dense", BUDGET, seeds=2)


def row(experiment, seed=0, version=BUDGETS_CHANGED, **more):
    """As it is written, by older versions with what differed from their defaults alone."""
    described = experiment.described()
    if version == "0.1.0":
        defaults = {**asdict(Settings()), "start": "near_one"}
        described = {k: v for k, v in described.items() if k not in defaults or v != defaults[k]}
        if experiment.settings.start == "one":
            described.pop("start")  # It was near one, without being named.
    known = {"experiment": experiment.name, "seed": seed, "keras_switcher": version}
    return {**known, "settings": json.dumps({**described, **more}), "accuracy": 0.5}


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "study.csv")


def runner(ledger, *experiments, again=False):
    return Runner(list(experiments), ledger, ledger.path.parent, None, "", again)


def due(ledger, *experiments):
    return {(experiment.name, seed) for experiment, seed in runner(ledger, *experiments).due}


@pytest.mark.parametrize(
    ("treatment", "settings", "is_due"),
    [
        ("dense", BUDGET, False),
        ("dense", replace(FREELY, start="half_zeros"), False),
        ("switched", FREELY, True),
        ("switched", BUDGET, True),
        ("switched", replace(BUDGET, start="near_one"), True),
        ("switched", replace(BUDGET, start="half_zeros"), True),
        ("switched", replace(BUDGET, connections=True, start="half_zeros"), True),
        ("switched", replace(FREELY, start="near_one"), False),
        ("switched", replace(FREELY, start="half_zeros"), False),
        ("switched", replace(BUDGET, **FROZEN), False),
        ("magnitude", BUDGET, False),
    ],
)
def test_a_row_is_due_again_where_a_default_has_changed(ledger, treatment, settings, is_due):
    experiment = Experiment("one", "digits", treatment, settings, seeds=1)
    ledger.append(row(experiment, version="0.1.0"))
    ledger.check([experiment])
    assert due(ledger, experiment) == ({("one", 0)} if is_due else set())
    ledger.append(row(experiment))
    assert not due(ledger, experiment)


def test_a_start_that_was_named_then_and_is_the_default_now_has_not_changed(ledger):
    experiment = Experiment("one", "digits", "switched", FREELY, seeds=1)
    ledger.append(row(experiment, version="0.1.0", start="one"))
    assert not due(ledger, experiment)


def test_a_control_is_due_with_what_its_structure_was_taken_from(ledger):
    valid = replace(ROW, name="valid", settings=replace(FREELY, start="half_zeros"))
    control = replace(RANDOM, name="control", structure_of="valid")
    study = [ROW, RANDOM, valid, control]
    for experiment in study:
        ledger.append(row(experiment, version="0.1.0"))
    missing = {(e.name, 1) for e in study}
    assert due(ledger, *study) == {("row", 0), ("random", 0)} | missing
    ledger.append(row(ROW))
    assert due(ledger, *study) == {("random", 0)} | missing
    ledger.append(row(RANDOM))
    assert due(ledger, *study) == missing


def test_a_control_waits_for_the_newer_structure_and_takes_it(ledger):
    ledger.append({**row(ROW, version="0.1.0"), "structure": "old"})
    waiting = runner(ledger, RANDOM, ROW)
    waiting.choose(None, [0])
    assert waiting._next() == (ROW, 0)
    assert waiting._next() is None
    assert runner(ledger, RANDOM, ROW, again=True)._next() == (RANDOM, 0)
    ledger.append({**row(ROW), "structure": "new"})
    assert waiting._next() == (RANDOM, 0)
    assert ledger.rows["row", 0]["structure"] == "new"


def test_an_old_row_has_the_defaults_of_its_version(ledger):
    old = row(DENSE, version="0.1.0")
    assert "start" not in json.loads(old["settings"])
    assert completed(old) == {**DENSE.described(), "start": "near_one"}
    assert json.loads(row(DENSE)["settings"]) == completed(row(DENSE)) == DENSE.described()
    assert DENSE.described().keys() >= asdict(Settings()).keys() - {"seed"}


@pytest.mark.parametrize("version", ["0.1.0", BUDGETS_CHANGED])
@pytest.mark.parametrize(
    ("then", "now"),
    [
        ({"momentum": 0.5}, {}),
        ({}, {"budget": 0.25}),
        ({"start": "half_zeros"}, {}),
        ({"share": 0.25}, {}),
    ],
)
def test_what_differs_for_another_reason_is_an_error_in_any_version(ledger, version, then, now):
    ledger.append(row(ROW, version=version, **then))
    changed = replace(ROW, settings=replace(ROW.settings, **now))
    with pytest.raises(ValueError, match=f"of version {version}, was made with other settings"):
        ledger.check([changed])


def test_the_default_of_before_is_an_error_in_a_newer_row(ledger):
    ledger.append(row(ROW, start="near_one"))
    with pytest.raises(ValueError, match="start: 'near_one' in the row, 'one' now"):
        ledger.check([ROW])


def test_a_file_holds_a_row_of_each_version_once(ledger):
    for version in (BUDGETS_CHANGED, "0.1.0", "0.10.0", BUDGETS_CHANGED):
        ledger.append({**row(DENSE, version=version), "accuracy": version[2:]})
    assert list(Ledger(ledger.path).by_version) == ["0.1.0", BUDGETS_CHANGED, "0.10.0"]
    assert ledger.rows["dense", 0]["accuracy"] == "10.0"
    text = ledger.path.read_text()
    ledger.path.write_text(text + text.splitlines(keepends=True)[-1])
    with pytest.raises(ValueError, match=r"second row of 'dense', seed 0, of version 0\.10\.0"):
        Ledger(ledger.path)


@pytest.mark.parametrize(
    ("before", "since", "shown", "version"),
    [
        (2, 0, 2, "0.1.0†"),
        (2, 1, 2, "0.1.0†"),
        (2, 2, 2, BUDGETS_CHANGED),
        (1, 1, 1, BUDGETS_CHANGED),
        (0, 1, 1, BUDGETS_CHANGED),
        (3, 2, 2, BUDGETS_CHANGED),
    ],
)
def test_rows_that_are_due_again_are_not_mixed_with_others(ledger, before, since, shown, version):
    for count, made_with in ((before, "0.1.0"), (since, BUDGETS_CHANGED)):
        for seed in range(count):
            ledger.append(row(ROW, seed, made_with))
            ledger.append(row(DENSE, seed, made_with))
    rows = rows_shown(ledger.by_version, [ROW, DENSE])
    assert {key for key in rows if key[0] == "row"} == {("row", seed) for seed in range(shown)}
    assert versions(rows, "row") == version
    assert versions(rows, "row", "other") == version
    # What still holds is as good as new, and counts with it.
    assert {key for key in rows if key[0] == "dense"} == {
        ("dense", seed) for seed in range(max(before, since))
    }
    expected = ["0.1.0"] * (before > since) + [BUDGETS_CHANGED] * (since > 0)
    assert versions(rows, "dense") == ", ".join(expected)


@pytest.mark.parametrize(("newer", "shown"), [(1, "0.1.0†"), (2, "0.2.0†"), (3, "0.2.0†")])
def test_of_what_is_due_again_the_version_with_most_rows_is_shown(ledger, newer, shown):
    for count, made_with in ((2, "0.1.0"), (newer, "0.2.0")):
        for seed in range(count):
            ledger.append(row(ROW, seed, made_with))
    assert versions(rows_shown(ledger.by_version, [ROW]), "row") == shown


def test_the_list_says_how_many_are_due_because_of_their_version(ledger, monkeypatch, capsys):
    monkeypatch.setitem(command.STUDIES, "mnist", type("study", (), {"EXPERIMENTS": [DENSE, ROW]}))
    ledger.append(row(ROW, version="0.1.0"))
    ledger.append(row(DENSE, version="0.1.0"))
    assert command.main(["mnist", "--list", "--csv", str(ledger.path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "row, seed 0",
        "dense, seed 1",
        "row, seed 1",
        "1 of 3 are due again: an older version made their rows.",
    ]


@pytest.mark.parametrize(
    ("study", "valid"),
    [
        (digits_controls, {"digits dense", "digits frozen", "digits frozen, half zeros"}),
        (mnist, {"mlp dense", "mlp half zeros, no budget", "mlp literal, 30 epochs"}),
    ],
)
def test_of_the_studies_rows_of_before_those_stay_valid(tmp_path, study, valid):
    """Whatever is run anew later: the first lines of their files stay as they are."""
    name = study.__name__.rsplit(".", 1)[-1]
    ledger = Ledger(command.RESULTS / f"{name}.csv")
    ledger.check(study.EXPERIMENTS)
    ledger.by_version = {"0.1.0": ledger.by_version["0.1.0"]}
    again = {experiment for experiment, _ in due(ledger, *study.EXPERIMENTS)}
    assert not again & valid
    settings = {e.name: e for e in study.EXPERIMENTS}
    assert {e.name for e in settings.values() if e.learns_budget} <= again


def test_what_another_version_has_left_is_not_taken_for_a_result(tmp_path):
    (tmp_path / "result.json").write_text(json.dumps({"keras_switcher": "0.1.0", "accuracy": 2.0}))
    tiny = replace(DENSE, settings=Settings(epochs=1, batch_size=512, switcher_learning_rate=0.1))
    assert run_trial(tiny, 0, None, tmp_path, None)["accuracy"] < 1
