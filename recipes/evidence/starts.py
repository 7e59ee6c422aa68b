"""Factors that start at one beside factors that start near one. Validation split.

A network that was trained before computes what it did when it is wrapped only if all factors are
one. Whether training from scratch suffers by that, seed by seed: at equal budgets, where factors
that start at one spread by as much as the others as the target begins to fall.
"""

from dataclasses import replace
from math import sqrt

from scipy.stats import t

from recipes.evidence import digits_controls, digits_residual, mnist
from recipes.evidence.families import switched
from recipes.evidence.summary import difference, spread
from recipes.evidence.versions import versions

# What is trained, with which settings, and how many seeds there are.
NETWORKS = {
    "digits": (digits_controls.SETTINGS, 24),
    "residual": (digits_residual.SETTINGS, 24),
    "inverted": (digits_residual.SETTINGS, 24),
    "mlp": (mnist.MLP, 8),
}
STARTS = {"one": "from one", "near_one": "from near one"}
# The default would be another one if the whole interval were below this, in points.
WORSE = -0.1
EXPERIMENTS = [
    switched(f"{task} {label}", task, replace(settings, validate=True), seeds, start=start)
    for task, (settings, seeds) in NETWORKS.items()
    for start, label in STARTS.items()
]
TITLE = f"""\
### Where factors start: at one, or near one

Accuracy on the validation split, in percent, at the budgets of the studies, and one minus near one
over the seeds that both have, with its 95 % interval. Starting at one would not be the default if
an interval lay below {WORSE} points.
"""
HEADER = "| network | from one | from near one | one minus near one | 95 % interval | n | version |"


def starts(rows: dict) -> str:
    """The table as Markdown.

    Args:
        rows: What `rows_shown` returned of the study.
    """
    lines = [TITLE, HEADER, "|---" * 7 + "|"]
    for task in NETWORKS:
        one, near_one = (f"{task} {label}" for label in STARTS.values())
        found = difference(rows, one, near_one)
        if found is None:
            lines.append(f"| {task} | not run |  |  |  |  |  |")
            continue
        of_each = " | ".join(spread(rows, n, "accuracy").text(100) for n in (one, near_one))
        cells = f"{100 * found.mean:+.3f} | {_interval(found)} | {found.n}"
        lines.append(f"| {task} | {of_each} | {cells} | {versions(rows, one, near_one)} |")
    return "\n".join([*lines, ""])


def _interval(found):
    """Student's: the differences of few seeds."""
    if found.n < 2:
        return ""
    half = t.ppf(0.975, found.n - 1) * found.std / sqrt(found.n)
    return f"{100 * (found.mean - half):+.3f} to {100 * (found.mean + half):+.3f}"
