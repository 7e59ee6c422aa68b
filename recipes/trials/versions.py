"""Rows of older versions: which are due again, and which are shown until those are there.

Version 0.2.0 changed where factors start by default (at one, before near one), and how a budget
pulls (in units of the task's gradient, once the network learns). Since 0.2.1 it leaves the scale of
factors alone, where no normalisation follows and at connections, too; since 0.2.2 it gives back
what it takes to the factors that the task's loss relies on, before to all.

`by_version` maps versions to rows, which are found by the experiment's name and the seed.
"""

from dataclasses import asdict

from recipes.settings import Settings
from recipes.trials.experiment import Experiment

DEFAULTS = {name: value for name, value in asdict(Settings()).items() if name != "seed"}
# Defaults that were others then.
DEFAULTS_THEN = {"0.1.0": {"start": "near_one"}}
BUDGETS_CHANGED = "0.2.2"
# Behind the version of rows that are due again.
MARK = "†"


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


def newest(by_version: dict, name: str, seed: int, until: str | None = None) -> dict | None:
    """The row of the newest version, or of the newest until a given one; None without rows."""
    found = [
        rows[name, seed]
        for version, rows in by_version.items()
        if (name, seed) in rows and (until is None or number(version) <= number(until))
    ]
    return max(found, key=lambda row: number(row["keras_switcher"]), default=None)


def is_due_again(row: dict, experiment: Experiment, experiments: dict, by_version: dict) -> bool:
    """Whether an older version's row would come out otherwise now.

    What a method has taken its structure from is the newest row that there was when it ran.
    """
    version = row["keras_switcher"]
    if name := experiment.structure_of:
        source = newest(by_version, name, row["seed"], version)
        return bool(source) and is_due_again(source, experiments[name], experiments, by_version)
    if experiment.method != "switched" or number(version) >= number(BUDGETS_CHANGED):
        return False
    return experiment.learns_budget or completed(row)["start"] != experiment.settings.start


def rows_shown(by_version: dict, experiments: list[Experiment]) -> dict:
    """Rows by name and seed: those that still hold, or those of one older version.

    Rows that are due again are never mixed with others: an experiment is shown from them until as
    many seeds as are planned, or as they have, were run anew. Their field `version` has a mark.
    """
    named, shown = {e.name: e for e in experiments}, {}
    for experiment in experiments:
        holding, outdated = {}, {}
        for version in sorted(by_version, key=number):
            for key, row in by_version[version].items():
                if key[0] == experiment.name:
                    due = is_due_again(row, experiment, named, by_version)
                    (outdated.setdefault(version, {}) if due else holding)[key] = row
        most = max(map(len, outdated.values()), default=0)
        is_enough = len(holding) >= min(most, experiment.seeds)
        # Of the version with most rows; of the newest of such.
        full = max(outdated, key=lambda v: (len(outdated[v]), number(v)), default=None)
        chosen, mark = (holding, "") if is_enough else (outdated[full], MARK)
        for key, row in chosen.items():
            shown[key] = {**row, "version": row["keras_switcher"] + mark}
    return shown
