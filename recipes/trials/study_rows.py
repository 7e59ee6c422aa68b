"""The rows of a study: a JSON file a trial and version, in a folder for each experiment."""

from pathlib import Path

import keras

from recipes.rows import RESULTS, read_rows, slug
from recipes.trials.experiment import Experiment
from recipes.trials.versions import differences, number


class StudyRows:
    """Reads the rows of the study of a name; raises ValueError if a file is damaged.

    Under another backend than TensorFlow a study has a folder of its own.

    Attributes:
        by_version: Maps versions of keras_switcher, older ones first, to their rows: a dict from
            pairs of an experiment's name and a seed.
        newest: The newest row of each such pair.
    """

    def __init__(self, study: str, results: Path = RESULTS):
        backend = keras.backend.backend()
        self.folder = results / (study if backend == "tensorflow" else f"{study}-{backend}")
        self.read()

    def read(self):
        """Reads the rows again: other processes may have written some."""
        found = {}
        for row in read_rows(self.folder, "*/*.json"):
            found.setdefault(row["keras_switcher"], {})[row["experiment"], row["seed"]] = row
        self.by_version = {version: found[version] for version in sorted(found, key=number)}
        self.newest = {key: row for rows in self.by_version.values() for key, row in rows.items()}

    def path(self, name: str, seed: int, version: str) -> Path:
        """The file of a row."""
        return self.folder / slug(name) / f"{version}-seed-{seed}.json"

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
                        f"{self.path(name, seed, version)} was made with other settings:\n  "
                        + "\n  ".join(different)
                        + "\nGive the experiment another name, or delete its rows to make them "
                        "again."
                    )
