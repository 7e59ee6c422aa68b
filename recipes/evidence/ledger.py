"""The CSV file of a study: each trial's row once by version, none lost, none doubled."""

import csv
import io
import os
from pathlib import Path

from recipes.evidence.experiment import Experiment
from recipes.evidence.versions import differences, number
from recipes.files import drop_half_line

FIELDS = (
    "experiment",
    "seed",
    "measured_on",
    "accuracy",
    "loss",
    "compact_accuracy",
    "classes_changed",
    "weights_removed",
    "macs_removed",
    "widths",
    "epochs",
    "seconds",
    "settings",
    "keras",
    "tensorflow",
    "keras_switcher",
    "hardware",
    "command",
    "structure",
    "counts",
)


class Ledger:
    """Reads the rows of a file and appends others.

    A last line that a killed process or a full disk left half-written is dropped, with a
    message; its trial is due again.

    Args:
        path: The file, which may be absent.

    Attributes:
        by_version: Maps versions of keras_switcher, older ones first, to their rows: a dict from
            pairs of an experiment's name and a seed.

    Raises:
        ValueError: If the file has other columns, or a row of a version twice.
    """

    def __init__(self, path: Path):
        self.path = path
        self.by_version = self._read()

    @property
    def rows(self) -> dict:
        """The newest row of each trial, by the experiment's name and the seed."""
        return {key: row for rows in self.by_version.values() for key, row in rows.items()}

    def check(self, experiments: list[Experiment]):
        """Makes sure that the rows of these experiments were made with their settings.

        Raises:
            ValueError: If an experiment has other settings now, and not because a default has
                changed since.
        """
        named = {experiment.name: experiment for experiment in experiments}
        for version, rows in self.by_version.items():
            for (name, seed), row in rows.items():
                if name in named and (different := differences(row, named[name])):
                    raise ValueError(
                        f"{self.path}: the row '{name}', seed {seed}, of version {version}, was "
                        "made with other settings:\n  "
                        + "\n  ".join(different)
                        + "\nGive the experiment another name, or delete its rows to make them "
                        "again."
                    )

    def append(self, row: dict):
        """Writes a row, if its version has none yet, and makes sure that it is on the disk.

        Raises:
            OSError: If that fails; the file is then as it was.
        """
        self.by_version = self._read()  # Another process may have written.
        if _key(row) in self.by_version.get(row["keras_switcher"], {}):
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        size = self.path.stat().st_size if self.path.exists() else 0
        text = _line(row) if size else ",".join(FIELDS) + "\n" + _line(row)
        try:
            with self.path.open("a", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            if self.path.exists():
                os.truncate(self.path, size)
            raise
        self.by_version = self._read()

    def _read(self):
        if not self.path.exists():
            return {}
        drop_half_line(self.path)
        text = self.path.read_text()
        if not text:
            return {}
        reader = csv.DictReader(io.StringIO(text))
        if tuple(reader.fieldnames or ()) != FIELDS:
            raise ValueError(
                f"{self.path} has other columns than a study's rows, and was left as it is:\n"
                f"  in the file: {','.join(reader.fieldnames or ())}\n"
                f"  expected:    {','.join(FIELDS)}"
            )
        found = {}
        for row in reader:
            line = f"{self.path}, line {reader.line_num}"
            if None in row or None in row.values():
                raise ValueError(
                    f"{line}: the row has another number of columns than the header. Delete the "
                    "line; its trial will be run again."
                )
            version, key = row["keras_switcher"], _key(row)
            try:
                number(version)
            except ValueError as error:
                raise ValueError(
                    f"{line}: keras_switcher must be a version such as 0.2.0, not '{version}'. "
                    "Correct it, or delete the line; its trial will be run again."
                ) from error
            if key in found.setdefault(version, {}):
                raise ValueError(
                    f"{line}: a second row of '{key[0]}', seed {key[1]}, of version {version}. "
                    "Delete one of them."
                )
            found[version][key] = row
        return {version: found[version] for version in sorted(found, key=number)}


def _key(row):
    return row["experiment"], int(row["seed"])


def _line(row):
    text = io.StringIO()
    csv.DictWriter(text, FIELDS, lineterminator="\n", restval="").writerow(row)
    return text.getvalue()
