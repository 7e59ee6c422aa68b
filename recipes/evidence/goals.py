"""What this project set out to reach, and what its rows say: a table as Markdown."""

from dataclasses import dataclass

from recipes.evidence.experiment import Experiment
from recipes.evidence.families import CONTROLS, OF_VECTORS, OTHER_SCHEDULE, POINT, kept, lines
from recipes.evidence.mnist import FAR, POINTS
from recipes.evidence.summary import difference, spread, values
from recipes.evidence.tables import signed
from recipes.evidence.versions import versions

TITLE = """\
## Goals

Points of test accuracy, last epoch, means of differences seed by seed with their standard errors;
"above" is by more than that. What is missed is missed with everything that was tried for it, which
is listed below.
"""
HEADER = "| goal | reached | seeds | version | |\n|---|---|---|---|---|"


@dataclass(frozen=True)
class Ahead:
    """An experiment that is to be so many points ahead of another.

    Args:
        text: The goal in words.
        name: The experiment.
        other: The other one.
        least: Points that are asked for.
    """

    text: str
    name: str
    other: str
    least: float = 0.0

    @property
    def names(self) -> list[str]:
        """All experiments that it is about."""
        return [self.name, self.other]

    def result(self, rows: dict) -> tuple[str, int, bool] | None:
        """What is reached, by how many seeds, and whether it is enough; None without rows."""
        found = difference(rows, self.name, self.other)
        return found and (signed(found), found.n, 100 * found.mean >= self.least)


@dataclass(frozen=True)
class AboveAll:
    """An experiment that is to be ahead of others by more than the standard error.

    Args:
        text: The goal in words.
        name: The experiment.
        others: Maps what others are called to their names.
    """

    text: str
    name: str
    others: dict[str, str]

    @property
    def names(self) -> list[str]:
        """See `Ahead`."""
        return [self.name, *self.others.values()]

    def result(self, rows: dict) -> tuple[str, int, bool] | None:
        """See `Ahead`; what is reached names those it is not ahead of."""
        found = {label: difference(rows, self.name, other) for label, other in self.others.items()}
        found = {label: ahead for label, ahead in found.items() if ahead}
        # Of one seed there is no error to be ahead by.
        behind = [
            f"{label} {signed(s)}" for label, s in found.items() if s.n < 2 or s.mean <= s.error
        ]
        text = f"not above: {', '.join(behind)}" if behind else "above all"
        return found and (text, min(s.n for s in found.values()), not behind)


@dataclass(frozen=True)
class Reached:
    """An experiment whose accuracy and shares removed are to reach these percentages.

    Args:
        text: The goal in words.
        name: The experiment.
        least: Percentages by column.
    """

    text: str
    name: str
    least: dict[str, float]

    @property
    def names(self) -> list[str]:
        """See `Ahead`."""
        return [self.name]

    def result(self, rows: dict) -> tuple[str, int, bool] | None:
        """See `Ahead`."""
        found = {field: spread(rows, self.name, field) for field in self.least}
        if None in found.values():
            return None
        means = {field: 100 * s.mean for field, s in found.items()}
        text = ", ".join(f"{field.replace('_', ' ')} {mean:.2f}" for field, mean in means.items())
        enough = all(means[field] >= least for field, least in self.least.items())
        return text, found["accuracy"].n, enough


def _controls(task, named):
    return {
        label: name
        for label, name in lines(task, named).items()
        if name not in (f"{task} row", f"{task} dense")
    }


def _curve():
    for keep in POINTS:
        row, magnitude, random = lines("mlp", POINT, kept(keep)).values()
        row_two, magnitude_one = lines("mlp", OTHER_SCHEDULE, kept(keep)).values()
        removed = f"MLP, {1 - keep:.0%} of the weights removed"
        yield Ahead(f"{removed}: at or above magnitude pruning, two cosines", row_two, magnitude)
        yield Ahead(f"{removed}: the same, one cosine", row, magnitude_one)
        yield AboveAll(f"{removed}: above a random structure", row, {"random": random})


GOALS = [
    Ahead("MLP, 76 % removed: .05 above the dense twin", "mlp row", "mlp dense", 0.05),
    AboveAll("MLP: above every control", "mlp row", _controls("mlp", CONTROLS | OF_VECTORS)),
    *_curve(),
    Ahead("LeNet5, 85 % removed: .05 above the dense twin", "lenet5 row", "lenet5 dense", 0.05),
    AboveAll("LeNet5: above every control", "lenet5 row", _controls("lenet5", CONTROLS)),
    Reached(
        "LeNet5: 99.0 % right with 98.5 % of the weights and 83 % of the MACs removed",
        f"lenet5 row, {kept(FAR)}",
        {"accuracy": 99.0, "weights_removed": 98.5, "macs_removed": 83.0},
    ),
    Ahead(
        "MLP, 90 % of the connections cut: at or above the dense twin",
        "mlp connections",
        "mlp dense",
    ),
    Ahead(
        "the same: at or above magnitude pruning", "mlp connections", "mlp connections, magnitude"
    ),
    AboveAll(
        "the same: above random masks",
        "mlp connections",
        {"random": "mlp connections, random mask"},
    ),
]


def goals(rows: dict, experiments: list[Experiment]) -> str:
    """A line per goal.

    Args:
        rows: What `rows_shown` returned of the studies.
        experiments: The studies' experiments.
    """
    missing = {e.name for e in experiments if len(values(rows, e.name, "accuracy")) < e.seeds}
    written = [TITLE, HEADER]
    for goal in GOALS:
        so_far = " so far" if missing.intersection(goal.names) else ""
        if result := goal.result(rows):
            text, n, enough = result
            verdict = "met" if enough else "not met"
            of = versions(rows, *goal.names)
            written.append(f"| {goal.text} | {text} | {n}{so_far} | {of} | {verdict}{so_far} |")
        else:
            written.append(f"| {goal.text} | not run | 0 | | |")
    return "\n".join([*written, ""])
