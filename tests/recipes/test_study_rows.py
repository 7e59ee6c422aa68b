"""A study's rows: what is written comes back, and nothing is taken for another's."""

import json
import os
from dataclasses import replace

import pytest
from recipes.trials.durations import MARGIN, START, Durations

from recipes.rows import read_rows, slug, write_rows
from recipes.settings import Settings
from recipes.studies import NAMES, experiments
from recipes.trials.study_rows import StudyRows
from recipes.trials.trial import Experiment

EXPERIMENT = Experiment("one, 5.0% kept", "digits", "dense", Settings(epochs=3))


def row(seed=0, version="0.2.0", **more):
    known = {"experiment": EXPERIMENT.name, "seed": seed, "keras_switcher": version}
    return {**known, "settings": EXPERIMENT.described(), **more}


@pytest.fixture
def write(tmp_path):
    def write(row):
        rows = StudyRows("study", tmp_path)
        write_rows(rows.path(EXPERIMENT.name, row["seed"], row["keras_switcher"]), row)
        return StudyRows("study", tmp_path)

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
    rows.check([EXPERIMENT])
    changed = replace(EXPERIMENT, settings=replace(EXPERIMENT.settings, momentum=0.5))
    with pytest.raises(
        ValueError, match=r"0.2.0-seed-0.json was.*\n.*momentum: 0.9 in the row, 0.5"
    ):
        rows.check([changed])


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
    rows, planned = StudyRows(study), {e.name: e for e in experiments(study)}
    rows.check(list(planned.values()))
    known = 0
    for version, found in rows.by_version.items():
        for (name, seed), row in found.items():
            path = rows.folder / slug(name) / f"{version}-seed-{seed}.json"
            assert json.loads(path.read_text()) == row
            known += 1
    assert known == len(list(rows.folder.glob("*/*.json")))


def test_times_are_medians_and_of_what_has_no_row_those_of_an_epoch():
    def ran(seconds, name="a", epochs=10):
        of_task = {"task": "digits"}
        return {"experiment": name, "seconds": seconds, "epochs": epochs, "settings": of_task}

    durations = Durations([ran(100), ran(120), ran(9999), ran(90, "b")])
    assert durations.of(replace(EXPERIMENT, name="a")) == 120
    assert durations.of(EXPERIMENT) == 3 * 11  # Medians of an epoch's: 9, 10, 12, 999.9.
    assert durations.of(replace(EXPERIMENT, task="mlp")) == float("inf")
    a = replace(EXPERIMENT, name="a")
    assert durations.fits(a, MARGIN * 120 + START)
    assert not durations.fits(a, MARGIN * 120 + START - 1)
    assert durations.fits(replace(EXPERIMENT, task="mlp"), 1)
