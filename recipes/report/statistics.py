"""Means over the seeds of an experiment, and differences between experiments seed by seed."""

from collections.abc import Iterable
from math import sqrt
from statistics import mean, stdev
from typing import NamedTuple

from scipy.stats import t

from recipes.trials.study_rows import MARK


class Spread(NamedTuple):
    """Mean and standard deviation over seeds; the deviation of one value is 0."""

    mean: float
    std: float
    n: int

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        return self.std / sqrt(self.n)

    def text(self, factor: float = 1, digits: int = 2) -> str:
        """`mean +- std`, both times a factor; of one or two values the mean alone."""
        mean = f"{factor * self.mean:.{digits}f}"
        return mean if self.n < 3 else f"{mean} +- {factor * self.std:.{digits}f}"

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread | None":
        """The spread of values; None if there are none."""
        values = list(values)
        spread = stdev(values) if len(values) > 1 else 0.0
        return cls(mean(values), spread, len(values)) if values else None


class Rows:
    """Rows that are shown, by the experiment's name and the seed; see `StudyRows.shown`."""

    def __init__(self, rows: dict):
        self.rows = rows

    def of(self, *names: str) -> list[dict]:
        """All rows of some experiments."""
        return [row for (name, _), row in self.rows.items() if name in names]

    def values(self, name: str, field: str = "accuracy") -> dict[int, float]:
        """What an experiment's rows say in one field, by seed."""
        return {row["seed"]: row[field] for row in self.of(name) if row.get(field) is not None}

    def spread(self, name: str, field: str = "accuracy") -> Spread | None:
        """The spread of a field over an experiment's seeds; None if it has not been run."""
        return Spread.of(self.values(name, field).values())

    def difference(self, name: str, other: str, field: str = "accuracy") -> Spread | None:
        """How much more one experiment reaches than another, over the seeds that both have."""
        ours, theirs = self.values(name, field), self.values(other, field)
        return Spread.of(ours[seed] - theirs[seed] for seed in sorted(ours.keys() & theirs.keys()))

    def versions(self, *names: str) -> str:
        """The versions of what is shown of experiments, with a mark where they are due again."""
        return versions(self.of(*names))

    def mark(self, *names: str) -> str:
        """The mark if some of that is due again."""
        return MARK if MARK in self.versions(*names) else ""


def interval(value: Spread, digits: int = 3) -> str:
    """The 95 % interval of a mean difference in points: Student's, the seeds are few."""
    if value.n < 2:
        return ""
    half = t.ppf(0.975, value.n - 1) * value.error
    return " to ".join(f"{100 * end:+.{digits}f}" for end in (value.mean - half, value.mean + half))


def versions(rows: Iterable[dict]) -> str:
    """The versions of rows that are shown."""
    return ", ".join(sorted({row["version"] for row in rows}))


def signed(value: Spread | None) -> str:
    """A mean difference in points, and its standard error if that means something."""
    if value is None:
        return ""
    return f"{100 * value.mean:+.3f}" + (f" ({100 * value.error:.3f})" if value.n > 2 else "")
