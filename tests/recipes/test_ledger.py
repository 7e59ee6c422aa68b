"""A study's rows: none lost, none doubled, none mistaken for another's."""

import json
import os
from dataclasses import replace

import pytest

from recipes.evidence.experiment import Experiment
from recipes.evidence.ledger import Ledger
from recipes.settings import Settings

EXPERIMENT = Experiment("one", "digits", "dense", Settings(epochs=3))


def row(seed=0, experiment=EXPERIMENT, **more):
    settings = json.dumps(experiment.described())
    known = {"experiment": experiment.name, "seed": seed, "settings": settings}
    return {**known, "keras_switcher": "0.2.0", **more}


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(tmp_path / "study.csv")
    ledger.append(row(accuracy=0.5))
    return ledger


def test_rows_come_back(ledger):
    ledger.append(row(1, accuracy=0.25, widths="3-4"))
    rows = Ledger(ledger.path).rows
    assert {key: r["accuracy"] for key, r in rows.items()} == {
        ("one", 0): "0.5",
        ("one", 1): "0.25",
    }
    assert rows["one", 1]["widths"] == "3-4"
    assert json.loads(rows["one", 1]["settings"]) == EXPERIMENT.described()


def test_a_row_is_written_once_even_if_another_process_was_first(ledger):
    other = Ledger(ledger.path)
    other.append(row(1))
    before = ledger.path.read_text()
    ledger.append(row(1))
    assert ledger.path.read_text() == before


@pytest.mark.parametrize("cut", [1, 7, 40])
def test_half_written_line_is_dropped_and_said(ledger, cut, capsys):
    before = ledger.path.read_text()
    ledger.append(row(1))
    ledger.path.write_text(ledger.path.read_text()[:-cut])
    assert set(Ledger(ledger.path).rows) == {("one", 0)}
    assert ledger.path.read_text() == before
    assert "half written" in capsys.readouterr().out


def test_a_full_disk_leaves_the_file_as_it_was(ledger, monkeypatch):
    before = ledger.path.read_text()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        ledger.append(row(1))
    assert ledger.path.read_text() == before


def test_other_settings_under_an_old_name_are_refused(ledger):
    changed = replace(EXPERIMENT, settings=replace(EXPERIMENT.settings, momentum=0.5))
    ledger.check([EXPERIMENT])
    with pytest.raises(ValueError, match=r"'one', seed 0.*\n.*momentum: 0.9 in the row, 0.5"):
        ledger.check([changed])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "other columns"),
        ("{header}one,0\n", "another number of columns"),
        ("{header}{line}{line}", "a second row of 'one', seed 0, of version 0.2.0"),
        ("{header}{unversioned}", "must be a version such as 0.2.0, not 'new'"),
    ],
)
def test_damaged_files_are_refused_and_left(ledger, text, message):
    header, line = ledger.path.read_text().splitlines(keepends=True)
    unversioned = line.replace("0.2.0", "new")
    damaged = text.format(header=header, line=line, unversioned=unversioned)
    ledger.path.write_text(damaged)
    with pytest.raises(ValueError, match=message):
        Ledger(ledger.path)
    assert ledger.path.read_text() == damaged
