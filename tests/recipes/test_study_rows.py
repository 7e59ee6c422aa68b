"""A study's rows: what is written comes back, and nothing is taken for another's."""

import json
import os
import time
from dataclasses import replace

import pytest

from recipes.rows import read_rows, slug, write_rows
from recipes.settings import Settings
from recipes.studies import NAMES, experiments
from recipes.trials.runner import Runner, expected_seconds
from recipes.trials.study_rows import StudyRows
from recipes.trials.trial import Experiment

EXPERIMENT = Experiment("one, 5.0% kept", "digits", "dense", Settings(epochs=3))


def row(seed=0, version="0.2.0", **more):
    known = {"experiment": EXPERIMENT.name, "seed": seed, "keras_switcher": version}
    return {**known, "settings": EXPERIMENT.described(), **more}


@pytest.fixture
def write(tmp_path):
    def write(row):
        rows = StudyRows("study", results=tmp_path)
        write_rows(rows.path(EXPERIMENT.name, row["seed"], row["keras_switcher"]), row)
        return StudyRows("study", [EXPERIMENT], tmp_path)

    return write


def test_rows_come_back_by_version_and_seed(write):
    written = [
        row(0, "0.10.0", accuracy=0.1 + 0.2),
        row(1, widths="3-4"),
        row(structure={"a": "1"}),
    ]
    for one in written:
        rows = write(one)
    assert list(rows.by_version) == ["0.2.0", "0.10.0"]
    newest = rows.newest
    assert newest == {(EXPERIMENT.name, 0): written[0], (EXPERIMENT.name, 1): written[1]}
    assert (rows.folder / "one-5.0-kept" / "0.2.0-seed-0.json").exists()


def test_several_rows_of_one_run_are_a_file(tmp_path):
    rows = [{"a": 1, "b": None}, {"a": 0.1, "b": "c"}]
    write_rows(tmp_path / "run.json", *rows)
    assert read_rows(tmp_path) == rows


def test_a_full_disk_leaves_the_row_as_it_was(write, monkeypatch):
    rows = write(row(accuracy=0.5))

    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            write(row(accuracy=0.25))
        with pytest.raises(OSError, match="No space left"):
            write(row(1))
    rows.read()
    assert [found["accuracy"] for found in rows.newest.values()] == [0.5]


def test_other_settings_under_an_old_name_are_refused(write):
    rows = write(row())
    rows.check()
    changed = replace(EXPERIMENT, settings=replace(EXPERIMENT.settings, momentum=0.5))
    rows.experiments[EXPERIMENT.name] = changed
    with pytest.raises(
        ValueError, match=r"0.2.0-seed-0.json was.*\n.*momentum: 0.9 in the row, 0.5"
    ):
        rows.check()


@pytest.mark.parametrize("text", ["", "{", '{"seed": 0', "[1, 2"])
def test_a_damaged_file_is_named(write, text):
    rows = write(row())
    path = rows.path(EXPERIMENT.name, 0, "0.2.0")
    path.write_text(text)
    with pytest.raises(ValueError, match=r"0\.2\.0-seed-0\.json is damaged"):
        rows.read()
    assert path.read_text() == text


@pytest.mark.parametrize("study", NAMES)
def test_experiments_have_names_and_folders_of_their_own_and_take_structures_that_there_are(study):
    planned = experiments(study)
    names = {experiment.name for experiment in planned}
    assert len({slug(name) for name in names}) == len(names) == len(planned)
    assert {e.structure_of for e in planned if e.structure_of} <= names


@pytest.mark.parametrize("study", NAMES)
def test_committed_rows_lie_where_their_names_say_and_were_made_as_planned(study):
    rows = StudyRows(study, experiments(study))
    rows.check()
    known = 0
    for version, found in rows.by_version.items():
        for (name, seed), row in found.items():
            path = rows.folder / slug(name) / f"{version}-seed-{seed}.json"
            assert json.loads(path.read_text()) == row
            known += 1
    assert known == len(list(rows.folder.glob("*/*.json")))


def test_times_are_medians_and_of_what_has_no_row_those_of_an_epoch(tmp_path):
    def ran(seconds, name, epochs=10):
        of_task = {"task": "digits"}
        return {"experiment": name, "seconds": seconds, "epochs": epochs, "settings": of_task}

    others = [replace(EXPERIMENT, name="a"), replace(EXPERIMENT, name="mlp", task="mlp")]
    rows = StudyRows("study", [EXPERIMENT, *others], tmp_path)
    assert set(expected_seconds(rows).values()) == {float("inf")}
    known = (ran(100, "a"), ran(120, "a"), ran(9999, "a"), ran(90, "b"))
    rows.newest = dict(enumerate(known))
    # Medians of an epoch's: 9, 10, 12, 999.9.
    expected = {EXPERIMENT.name: 3 * 11, "a": 120, "mlp": float("inf")}
    assert expected_seconds(rows) == expected


def test_nothing_is_begun_that_is_not_known_to_end_in_time(tmp_path):
    rows = StudyRows("study", [replace(EXPERIMENT, seeds=1)], tmp_path)
    runner = Runner(rows, tmp_path)
    for known, left, is_begun in ((100, 142, True), (100, 138, False), (float("inf"), 1, True)):
        runner.due = [(EXPERIMENT, 0)]
        runner._seconds, runner._end = {EXPERIMENT.name: known}, time.monotonic() + left
        assert (runner._next() is not None) == is_begun
