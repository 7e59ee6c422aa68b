"""The rows of a study: a JSON file a trial and version, in a folder for each experiment.

Version 0.2.0 changed where factors start by default (at one, before near one), and how a budget
pulls (in units of the task's gradient, once the network learns). Since 0.2.1 it leaves the scale of
factors alone, where no normalisation follows and at connections, too; since 0.2.2 it gives back
what it takes to the factors that the task's loss relies on, before to all; since 0.2.3 one of less
than a fifth pulls no harder than others.
"""

from dataclasses import asdict
from pathlib import Path

from recipes.rows import RESULTS, of_backend, read_rows, slug
from recipes.settings import Settings
from recipes.trials.trial import Experiment

DEFAULTS = {name: value for name, value in asdict(Settings()).items() if name != "seed"}
# Defaults that were others then.
DEFAULTS_THEN = {"0.1.0": {"start": "near_one"}}
BUDGETS_CHANGED = "0.2.2"
SMALL_BUDGETS_CHANGED, SMALL = "0.2.3", 0.2
# Behind the version of rows that are due again.
MARK = "†"


class StudyRows:
    """Reads the rows of a study; raises ValueError if a file is damaged.

    A study has a folder for each backend, by default it is that which Keras runs on.

    Attributes:
        by_version: Maps versions of keras_switcher, older ones first, to their rows: a dict from
            pairs of an experiment's name and a seed.
        newest: The newest row of each such pair.
    """

    def __init__(
        self,
        study: str,
        experiments: list[Experiment] = (),
        results: Path = RESULTS,
        backend: str | None = None,
    ):
        self.folder = results / of_backend(study, backend)
        self.experiments = {experiment.name: experiment for experiment in experiments}
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

    def check(self):
        """Raises ValueError if a row was made with other settings than its experiment has now.

        Unless a default has changed since.
        """
        for version, rows in self.by_version.items():
            for (name, seed), row in rows.items():
                experiment = self.experiments.get(name)
                if experiment and (different := differences(row, experiment)):
                    raise ValueError(
                        f"{self.path(name, seed, version)} was made with other settings:\n  "
                        + "\n  ".join(different)
                        + "\nGive the experiment another name, or delete its rows to make them "
                        "again."
                    )

    def source(self, experiment: Experiment, seed: int, until: str | None = None) -> dict | None:
        """The newest row, until a version, of what a method takes its structure from."""
        found = None
        for version, rows in self.by_version.items():
            if until is None or number(version) <= number(until):
                found = rows.get((experiment.structure_of, seed), found)
        return found

    def is_due(self, experiment: Experiment, seed: int) -> bool:
        """Whether there is no row of the experiment, or it would come out otherwise now."""
        row = self.newest.get((experiment.name, seed))
        return row is None or self._is_outdated(row)

    def shown(self) -> dict:
        """Rows by name and seed: those that still hold, or those of one older version.

        Rows that are due again are never mixed with others: an experiment is shown from them until
        as many seeds as are planned, or as they have, were run anew. Their field `version` has a
        mark.
        """
        shown = {}
        for experiment in self.experiments.values():
            holding, outdated = {}, {}
            for version, rows in self.by_version.items():
                for key, row in rows.items():
                    if key[0] == experiment.name:
                        is_outdated = self._is_outdated(row)
                        (outdated.setdefault(version, {}) if is_outdated else holding)[key] = row
            # Of the version with most rows; of the newest of such.
            most = max(reversed(outdated.values()), key=len, default={})
            is_enough = len(holding) >= min(len(most), experiment.seeds)
            chosen, mark = (holding, "") if is_enough else (most, MARK)
            for key, row in chosen.items():
                shown[key] = {**row, "version": row["keras_switcher"] + mark}
        return shown

    def holding(self) -> dict:
        """The rows that would come out alike now, by name and seed."""
        planned = {key: row for key, row in self.newest.items() if key[0] in self.experiments}
        return {key: row for key, row in planned.items() if not self._is_outdated(row)}

    def _is_outdated(self, row):
        """What a method has taken its structure from is the newest row that there was then."""
        experiment = self.experiments[row["experiment"]]
        if experiment.structure_of:
            source = self.source(experiment, row["seed"], row["keras_switcher"])
            return bool(source) and self._is_outdated(source)
        return has_changed(row, experiment)


def number(version: str) -> tuple[int, ...]:
    """A version in the order of versions; raises ValueError if it is none."""
    return tuple(map(int, version.split(".")))


def completed(row: dict) -> dict:
    """All that decided on a row, with the defaults of its version."""
    then = DEFAULTS_THEN.get(row["keras_switcher"], {})
    return {**DEFAULTS, **then, **row["settings"]}


def differences(row: dict, experiment: Experiment) -> list[str]:
    """In which settings a row and an experiment differ, but for defaults that have changed."""
    then, now = completed(row), experiment.described()
    for name, default in DEFAULTS_THEN.get(row["keras_switcher"], {}).items():
        if then[name] == default and now[name] == DEFAULTS[name]:
            then[name] = now[name]
    return [
        f"{key}: {then.get(key)!r} in the row, {now.get(key)!r} now"
        for key in sorted(then.keys() | now.keys())
        if then.get(key) != now.get(key)
    ]


def has_changed(row: dict, experiment: Experiment) -> bool:
    """Whether a switcher would be trained otherwise now than when its row was made."""
    is_small = experiment.learns_budget and experiment.settings.budget < SMALL
    changed = SMALL_BUDGETS_CHANGED if is_small else BUDGETS_CHANGED
    if experiment.method != "switched" or number(row["keras_switcher"]) >= number(changed):
        return False
    return experiment.learns_budget or completed(row)["start"] != experiment.settings.start
