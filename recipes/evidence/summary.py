"""Means over the seeds of an experiment, and differences between experiments seed by seed."""

from dataclasses import dataclass
from math import sqrt
from statistics import mean, stdev


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation over seeds.

    Args:
        mean: The mean.
        std: The standard deviation; 0 for one value.
        n: Number of values.
    """

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
    def of(cls, values: list[float]) -> "Spread":
        """The spread of at least one value."""
        return cls(mean(values), stdev(values) if len(values) > 1 else 0.0, len(values))


def values(rows: dict, name: str, field: str) -> dict[int, float]:
    """What an experiment's rows say in one field, by seed.

    Args:
        rows: A `Ledger`'s rows.
        name: Name of the experiment.
        field: The column.
    """
    return {seed: float(row[field]) for (n, seed), row in rows.items() if n == name and row[field]}


def spread(rows: dict, name: str, field: str) -> Spread | None:
    """The spread of a field over an experiment's seeds; None if it has not been run."""
    found = values(rows, name, field)
    return Spread.of(list(found.values())) if found else None


def difference(rows: dict, name: str, other: str, field: str = "accuracy") -> Spread | None:
    """How much more one experiment reaches than another, over the seeds that both have."""
    ours, theirs = values(rows, name, field), values(rows, other, field)
    both = sorted(ours.keys() & theirs.keys())
    return Spread.of([ours[seed] - theirs[seed] for seed in both]) if both else None
