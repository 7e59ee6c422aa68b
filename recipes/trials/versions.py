"""Versions of rows: which defaults were others then, and what has changed since.

Version 0.2.0 changed where factors start by default (at one, before near one), and how a budget
pulls (in units of the task's gradient, once the network learns). Since 0.2.1 it leaves the scale of
factors alone, where no normalisation follows and at connections, too; since 0.2.2 it gives back
what it takes to the factors that the task's loss relies on, before to all.
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


def has_changed(row: dict, experiment: Experiment) -> bool:
    """Whether a switcher would be trained otherwise now than when its row was made."""
    if experiment.method != "switched" or number(row["keras_switcher"]) >= number(BUDGETS_CHANGED):
        return False
    return experiment.learns_budget or completed(row)["start"] != experiment.settings.start
