"""Rows of older versions: due again exactly where a default has changed, and never mixed."""

from dataclasses import replace

import pytest

import recipes.studies
from recipes.report.statistics import Rows
from recipes.rows import write_rows
from recipes.settings import Settings
from recipes.studies import digits_controls, mnist
from recipes.studies.__main__ import main
from recipes.trials.runner import Runner
from recipes.trials.study_rows import (
    BUDGETS_CHANGED,
    SMALL_BUDGETS_CHANGED,
    StudyRows,
    completed,
)
from recipes.trials.trial import Experiment

BUDGET, FREELY = Settings(budget=0.5), Settings(budget=None)
ROW = Experiment("row", "digits", "switched", BUDGET, seeds=2)
RANDOM = Experiment("random", "digits", "random structure", BUDGET, "row", seeds=2)
DENSE = Experiment("dense", "digits", "dense", BUDGET, seeds=2)


def row(experiment, seed=0, version=BUDGETS_CHANGED, **more):
    described = experiment.described()
    if version == "0.1.0" and experiment.settings.start == "one":
        described["start"] = "near_one"  # The default then.
    known = {"experiment": experiment.name, "seed": seed, "keras_switcher": version}
    found = {"accuracy": 0.5, "seconds": 1.0, "epochs": 30}
    return {**known, **found, "settings": {**described, **more}}


class Study(StudyRows):
    def append(self, row):
        write_rows(self.path(row["experiment"], row["seed"], row["keras_switcher"]), row)
        self.read()

    def of(self, *experiments):
        self.experiments = {experiment.name: experiment for experiment in experiments}
        return self


@pytest.fixture
def rows(tmp_path):
    return Study("mnist", results=tmp_path)


def runner(rows, *experiments, **options):
    return Runner(rows.of(*experiments), rows.folder.parent, **options)


def due(rows, *experiments):
    return {(experiment.name, seed) for experiment, seed in runner(rows, *experiments).due}


@pytest.mark.parametrize(
    ("method", "settings", "is_due"),
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
        ("switched", replace(BUDGET, switcher="frozen", start="near_one"), False),
        ("magnitude", BUDGET, False),
    ],
)
def test_a_row_is_due_again_where_a_default_has_changed(rows, method, settings, is_due):
    experiment = Experiment("one", "digits", method, settings, seeds=1)
    rows.append(row(experiment, version="0.1.0"))
    rows.of(experiment).check()
    assert due(rows, experiment) == ({("one", 0)} if is_due else set())
    rows.append(row(experiment))
    assert not due(rows, experiment)


@pytest.mark.parametrize(("share", "is_due"), [(0.02, True), (0.199, True), (0.2, False)])
def test_budgets_of_less_than_a_fifth_have_changed_once_more(rows, share, is_due):
    settings = replace(BUDGET, budget=share)
    experiment = Experiment("one", "digits", "switched", settings, seeds=1)
    rows.append(row(experiment, version=BUDGETS_CHANGED))
    assert due(rows, experiment) == ({("one", 0)} if is_due else set())
    rows.append(row(experiment, version=SMALL_BUDGETS_CHANGED))
    assert not due(rows, experiment)


def test_a_start_that_was_named_then_and_is_the_default_now_has_not_changed(rows):
    experiment = Experiment("one", "digits", "switched", FREELY, seeds=1)
    rows.append(row(experiment, version="0.1.0", start="one"))
    assert not due(rows, experiment)


def test_a_control_is_due_with_what_its_structure_was_taken_from(rows):
    valid = replace(ROW, name="valid", settings=replace(FREELY, start="half_zeros"))
    control = replace(RANDOM, name="control", structure_of="valid")
    study = [ROW, RANDOM, valid, control]
    for experiment in study:
        rows.append(row(experiment, version="0.1.0"))
    missing = {(e.name, 1) for e in study}
    assert due(rows, *study) == {("row", 0), ("random", 0)} | missing
    rows.append(row(ROW))
    assert due(rows, *study) == {("random", 0)} | missing
    rows.append(row(RANDOM))
    assert due(rows, *study) == missing


def test_a_control_waits_for_the_newer_structure_and_takes_it(rows):
    rows.append({**row(ROW, version="0.1.0"), "structure": "old"})
    waiting = runner(rows, RANDOM, ROW, seeds=[0])
    assert waiting._next() == (ROW, 0)
    assert waiting._next() is None
    assert runner(rows, RANDOM, ROW, again=True)._next() == (RANDOM, 0)
    rows.append({**row(ROW), "structure": "new"})
    assert waiting._next() == (RANDOM, 0)
    assert rows.newest["row", 0]["structure"] == "new"


def test_a_row_that_lacks_a_newer_setting_has_its_default(rows):
    old = row(DENSE, version="0.1.0")
    assert completed(old) == {**DENSE.described(), "start": "near_one"}
    del old["settings"]["momentum"], old["settings"]["start"]
    assert completed(old) == {**DENSE.described(), "start": "near_one"}
    del old["settings"]["ceiling"]
    assert completed({**old, "keras_switcher": "0.2.0"}) == DENSE.described()


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
def test_what_differs_for_another_reason_is_an_error_in_any_version(rows, version, then, now):
    rows.append(row(ROW, version=version, **then))
    changed = replace(ROW, settings=replace(ROW.settings, **now))
    with pytest.raises(ValueError, match=rf"{version}-seed-0.json was made with other"):
        rows.of(changed).check()


def test_the_default_of_before_is_an_error_in_a_newer_row(rows):
    rows.append(row(ROW, start="near_one"))
    with pytest.raises(ValueError, match="start: 'near_one' in the row, 'one' now"):
        rows.of(ROW).check()


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
def test_rows_that_are_due_again_are_not_mixed_with_others(rows, before, since, shown, version):
    for count, made_with in ((before, "0.1.0"), (since, BUDGETS_CHANGED)):
        for seed in range(count):
            rows.append(row(ROW, seed, made_with))
            rows.append(row(DENSE, seed, made_with))
    found = Rows(rows.of(ROW, DENSE).shown())
    assert found.values("row").keys() == set(range(shown))
    assert found.versions("row") == found.versions("row", "other") == version
    # What still holds is as good as new, and counts with it.
    assert found.values("dense").keys() == set(range(max(before, since)))
    expected = ["0.1.0"] * (before > since) + [BUDGETS_CHANGED] * (since > 0)
    assert found.versions("dense") == ", ".join(expected)


@pytest.mark.parametrize(("newer", "shown"), [(1, "0.1.0†"), (2, "0.2.0†"), (3, "0.2.0†")])
def test_of_what_is_due_again_the_version_with_most_rows_is_shown(rows, newer, shown):
    for count, made_with in ((2, "0.1.0"), (newer, "0.2.0")):
        for seed in range(count):
            rows.append(row(ROW, seed, made_with))
    assert Rows(rows.of(ROW).shown()).versions("row") == shown


def test_the_list_says_how_many_are_due_because_of_their_version(rows, monkeypatch, capsys):
    monkeypatch.setattr(recipes.studies, "experiments", lambda _: [DENSE, ROW])
    rows.append(row(ROW, version="0.1.0"))
    rows.append(row(DENSE, version="0.1.0"))
    assert main(["mnist", "--list", "--results", str(rows.folder.parent)]) == 0
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
def test_of_the_studies_rows_of_before_those_stay_valid(study, valid):
    rows = Study(study.__name__.rsplit(".", 1)[-1], backend="tensorflow")
    rows.by_version = {"0.1.0": rows.by_version["0.1.0"]}
    again = {experiment for experiment, _ in due(rows, *study.EXPERIMENTS)}
    assert not again & valid
    assert {e.name for e in study.EXPERIMENTS if e.learns_budget} <= again
