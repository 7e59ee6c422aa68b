"""The CSV file of a study: each trial's row once, none lost, none doubled."""

import csv
import io
import json
import os
from pathlib import Path

from recipes.evidence.experiment import Experiment
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
        rows: Maps pairs of an experiment's name and a seed to rows.

    Raises:
        ValueError: If the file has other columns, or a row twice.
    """

    def __init__(self, path: Path):
        self.path = path
        self.rows = self._read()

    def check(self, experiments: list[Experiment]):
        """Makes sure that the rows of these experiments were made with their settings.

        Raises:
            ValueError: If an experiment has other settings now.
        """
        described = {experiment.name: experiment.described() for experiment in experiments}
        for (name, seed), row in self.rows.items():
            then, now = json.loads(row["settings"]), described.get(name)
            if now is not None and then != now:
                different = [
                    f"  {key}: {then.get(key, 'default')!r} in the row, "
                    f"{now.get(key, 'default')!r} now"
                    for key in sorted(then.keys() | now.keys())
                    if then.get(key) != now.get(key)
                ]
                raise ValueError(
                    f"{self.path}: the row '{name}', seed {seed}, was made with other settings:\n"
                    + "\n".join(different)
                    + "\nGive the experiment another name, or delete its rows to make them again."
                )

    def append(self, row: dict):
        """Writes a row, and makes sure that it is on the disk.

        Raises:
            OSError: If that fails; the file is then as it was.
        """
        key = row["experiment"], int(row["seed"])
        self.rows = self._read()  # Another process may have written.
        if key in self.rows:
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
        self.rows[key] = row

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
        rows = {}
        for row in reader:
            if None in row or None in row.values():
                raise ValueError(
                    f"{self.path}, line {reader.line_num}: the row has another number of columns "
                    "than the header. Delete the line; its trial will be run again."
                )
            key = row["experiment"], int(row["seed"])
            if key in rows:
                raise ValueError(
                    f"{self.path}, line {reader.line_num}: a second row of '{key[0]}', seed "
                    f"{key[1]}. Delete one of them."
                )
            rows[key] = row
        return rows


def _line(row):
    text = io.StringIO()
    csv.DictWriter(text, FIELDS, lineterminator="\n", restval="").writerow(row)
    return text.getvalue()
