"""Writes `recipes/README.md`, its tables and its plots, from the rows in `recipes/results/`.

    python -m recipes.report

In the project's README it writes what is between the two marks. Every number in either is computed
from a row; what has no row is said not to have been run.
"""

import csv
import json
import sys
from pathlib import Path

from recipes.benchmark_tables import BENCHMARKS
from recipes.evidence import (
    digits_controls,
    digits_residual,
    mnist,
    mnist_connections,
    mnist_search,
    mnist_tables,
)
from recipes.evidence.budgets import budgets
from recipes.evidence.claim import claim
from recipes.evidence.duration import duration
from recipes.evidence.goals import goals
from recipes.evidence.ledger import Ledger
from recipes.evidence.log import DIGITS_TRIED, MNIST_TRIED, by_hand, searched
from recipes.evidence.overview import overview
from recipes.evidence.summary import Spread
from recipes.gallery import GALLERY

RECIPES = Path(__file__).parent
RESULTS, FIGURES, README = RECIPES / "results", RECIPES / "figures", RECIPES / "README.md"
FRONT = RECIPES.parent / "README.md"
MARKS = "<!-- Written by python -m recipes.report: -->\n", "<!-- End of what it writes. -->\n"
RUNS = Path("runs")
WITH_ROWS = (
    "digits",
    "mnist_mlp",
    "mnist_lenet5",
    "mnist_mlp_connections",
    "mnist_lenet5_connections",
)

STUDIES = {
    "mnist": mnist,
    "mnist_connections": mnist_connections,
    "digits_controls": digits_controls,
    "digits_residual": digits_residual,
}
TABLES = [
    table
    for study in (mnist_tables, mnist_connections, digits_controls, digits_residual)
    for table in study.TABLES
]

INTRODUCTION = """\
# Results

Written by `python -m recipes.report` from the rows in `recipes/results/`; no measured
number is typed by hand. Rows of studies have their seed, settings, versions, hardware and command:
with `--again` the command runs a trial once more and shows the result beside the row. Benchmarks
are run by the command that heads their table.

Accuracies are those of the last epoch, mean +- standard deviation over n seeds; "minus first line"
is the mean of the differences over the seeds that both have, with its standard error; spreads and
errors are left out where there are one or two seeds. Weights are those of kernels,
output layer included, biases and switcher excluded. Rows in italics are published by others, with
their own settings. The commands of the studies run what is missing. Training times in the rows
include waiting for other processes; what a switcher costs is in the benchmark `step_time`.
"""


def main():
    """Writes both files and the pictures."""
    FIGURES.mkdir(exist_ok=True)
    for name, figure in figures().items():
        figure.savefig(FIGURES / name, dpi=120)
    for drawn in GALLERY:
        drawn.collect(RUNS, FIGURES)
    README.write_text(text())
    FRONT.write_text(front())


def front() -> str:
    """The project's README, with what the rows say now between its marks."""
    before, rest = FRONT.read_text().split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    rows = _rows()
    written = overview(_of_all(rows), _experiments()) + "\n" + _duration(rows, "mnist")
    return before + MARKS[0] + "\n" + written + "\n" + MARKS[1] + after


def text() -> str:
    """The report as Markdown."""
    rows, experiments = _rows(), _experiments()
    everything = _of_all(rows)
    parts = [
        INTRODUCTION,
        goals(everything, experiments),
        claim(everything),
        "## Studies\n",
        *(_duration(rows, name) for name in STUDIES),
        *(table.to_markdown(everything, experiments) for table in TABLES),
    ]
    for name, picture in mnist_tables.PICTURES.items():
        shown = f"![{picture.title}](figures/{name})" if name in _drawn(everything) else "Not run."
        parts.append(f"### {picture.title}\n\n{shown}\n")
    parts += [drawn.to_markdown(FIGURES) for drawn in GALLERY]
    parts += [
        _changed(everything),
        budgets(everything, experiments),
        searched(Ledger(RESULTS / "mnist_search.csv").rows, mnist_search.EXPERIMENTS),
        by_hand(MNIST_TRIED, _read("mnist_tried.csv")),
        by_hand(DIGITS_TRIED, _read("digits_tried.csv")),
        "## Recipes\n",
        _of_recipes(),
        "## Benchmarks\n",
    ]
    parts += [benchmark.to_markdown(_read(f"{benchmark.name}.csv")) for benchmark in BENCHMARKS]
    return "\n".join(parts)


def figures() -> dict:
    """The pictures, matplotlib figures by name of file."""
    rows = Ledger(RESULTS / "mnist.csv").rows
    return {name: mnist_tables.PICTURES[name].draw(rows) for name in _drawn(rows)}


def _rows():
    """The rows of every study, by its name."""
    return {name: Ledger(RESULTS / f"{name}.csv").rows for name in STUDIES}


def _of_all(rows):
    """The rows of all studies together."""
    return {key: row for of_study in rows.values() for key, row in of_study.items()}


def _experiments():
    return [experiment for study in STUDIES.values() for experiment in study.EXPERIMENTS]


def _duration(rows, name):
    return duration(name, rows[name], STUDIES[name].EXPERIMENTS)


def _drawn(rows):
    """Names of the pictures that have something to show."""
    run = {name for name, _ in rows}
    return [name for name, picture in mnist_tables.PICTURES.items() if picture.needs & run]


def _changed(rows):
    """What compaction changed."""
    counts = [
        int(row["classes_changed"])
        for row in rows.values()
        if row["classes_changed"] and json.loads(row["settings"])["treatment"] == "switched"
    ]
    if not counts:
        return ""
    return (
        f"Of {len(counts)} switched networks, compaction changed the predicted class of "
        f"{sum(counts)} test images (outputs nearer than 1e-5 of the largest count as ties).\n"
    )


def _of_recipes():
    """What single recipes have measured, by command without the seed."""
    by_command = {}
    for row in [row for name in WITH_ROWS for row in _read(f"{name}.csv")]:
        words = row["command"].split()
        at = words.index("--seed")
        # Of rows of one seed the last counts: a recipe that is run again appends another.
        by_command.setdefault(" ".join(words[:at] + words[at + 2 :]), {})[words[at + 1]] = row
    written = [
        "| command | dense, % | switched, % | weights removed, % | MACs removed, % | n |",
        "|---|---|---|---|---|---|",
    ]
    for command, by_seed in by_command.items():
        rows = list(by_seed.values())
        fields = ("dense_accuracy", "switched_accuracy", "weights_removed", "macs_removed")
        cells = [Spread.of([float(r[f]) for r in rows]).text(100, 2) for f in fields]
        if "connections" in command:  # Stock layers multiply with zeros.
            cells[-1] = ""
        written.append(f"| `{command}` | {' | '.join(cells)} | {len(rows)} |")
    return "\n".join([*written, ""])


def _read(name):
    path = RESULTS / name
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    sys.exit(main())
