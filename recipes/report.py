"""Writes `recipes/README.md`, its tables and its plots, from the rows in `recipes/results/`.

    python -m recipes.report

In the project's README it writes what is between the two marks. Every number in either is computed
from a row; what has no row is said not to have been run.
"""

import csv
import json
import sys
from pathlib import Path

from recipes import budget_checks
from recipes.benchmark_tables import BENCHMARKS
from recipes.evidence import (
    digits_controls,
    digits_residual,
    mnist,
    mnist_connections,
    mnist_search,
    mnist_tables,
    starts,
)
from recipes.evidence.budgets import budgets, kept_since
from recipes.evidence.claim import claim
from recipes.evidence.duration import duration
from recipes.evidence.goals import goals
from recipes.evidence.ledger import Ledger
from recipes.evidence.log import DIGITS_TRIED, MNIST_TRIED, PULL_TRIED, by_hand, searched
from recipes.evidence.overview import overview
from recipes.evidence.summary import Spread
from recipes.evidence.versions import MEANING, is_due_again, rows_shown, versions
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

INTRODUCTION = f"""\
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

A line is of one version of keras_switcher.
{MEANING}"""


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
    ledgers = _ledgers()
    written = overview(_shown(ledgers), _experiments()) + "\n" + _duration(ledgers, "mnist")
    return before + MARKS[0] + "\n" + written + "\n" + MARKS[1] + after


def text() -> str:
    """The report as Markdown."""
    ledgers, experiments = _ledgers(), _experiments()
    everything = _shown(ledgers)
    parts = [
        INTRODUCTION,
        goals(everything, experiments),
        claim(everything),
        "## Studies\n",
        *(_duration(ledgers, name) for name in STUDIES),
        *(table.to_markdown(everything, experiments) for table in TABLES),
    ]
    for name, picture in mnist_tables.PICTURES.items():
        shown = "Not run."
        if name in _drawn(everything):
            of = versions(everything, *picture.needs)
            shown = f"![{picture.title}](figures/{name})\n\nVersion {of}."
        parts.append(f"### {picture.title}\n\n{shown}\n")
    parts += [drawn.to_markdown(FIGURES) for drawn in GALLERY]
    parts += [
        starts.starts(rows_shown(Ledger(RESULTS / "starts.csv").by_version, starts.EXPERIMENTS)),
        _changed(everything),
        budgets(everything, experiments),
        kept_since([ledger.by_version for ledger in ledgers.values()], experiments),
        budget_checks.table(budget_checks.read()),
        searched(
            rows_shown(Ledger(RESULTS / "mnist_search.csv").by_version, mnist_search.EXPERIMENTS),
            mnist_search.EXPERIMENTS,
        ),
        by_hand(MNIST_TRIED, _read("mnist_tried.csv")),
        by_hand(DIGITS_TRIED, _read("digits_tried.csv")),
        by_hand(PULL_TRIED, _read("pull_tried.csv"), "0.2.1"),
        "## Recipes\n",
        _of_recipes(),
        "## Benchmarks\n",
    ]
    parts += [benchmark.to_markdown(_read(f"{benchmark.name}.csv")) for benchmark in BENCHMARKS]
    return "\n".join(parts)


def figures() -> dict:
    """The pictures, matplotlib figures by name of file."""
    rows = rows_shown(Ledger(RESULTS / "mnist.csv").by_version, mnist.EXPERIMENTS)
    return {name: mnist_tables.PICTURES[name].draw(rows) for name in _drawn(rows)}


def _ledgers():
    """The ledger of every study, by its name."""
    return {name: Ledger(RESULTS / f"{name}.csv") for name in STUDIES}


def _shown(ledgers):
    """What is shown of all studies together."""
    shown = {}
    for name, ledger in ledgers.items():
        shown |= rows_shown(ledger.by_version, STUDIES[name].EXPERIMENTS)
    return shown


def _experiments():
    return [experiment for study in STUDIES.values() for experiment in study.EXPERIMENTS]


def _duration(ledgers, name):
    experiments, ledger = STUDIES[name].EXPERIMENTS, ledgers[name]
    named, by_version = {e.name: e for e in experiments}, ledger.by_version
    again = sum(
        trial in named and is_due_again(row, named[trial], named, by_version)
        for (trial, _), row in ledger.rows.items()
    )
    return duration(name, rows_shown(by_version, experiments), experiments, again)


def _drawn(rows):
    """Names of the pictures that have something to show."""
    run = {name for name, _ in rows}
    return [name for name, picture in mnist_tables.PICTURES.items() if picture.needs & run]


def _changed(rows):
    """What compaction changed, by version."""
    counts = {}
    for row in rows.values():
        if row["classes_changed"] and json.loads(row["settings"])["treatment"] == "switched":
            counts.setdefault(row["keras_switcher"], []).append(int(row["classes_changed"]))
    return "".join(
        f"Of {len(changed)} switched networks of version {version}, compaction changed the "
        f"predicted class of {sum(changed)} test images (outputs nearer than 1e-5 of the largest "
        "count as ties).\n"
        for version, changed in sorted(counts.items())
    )


def _of_recipes():
    """What single recipes have measured, by command without the seed."""
    by_command = {}  # And by version.
    for row in [row for name in WITH_ROWS for row in _read(f"{name}.csv")]:
        words = row["command"].split()
        at = words.index("--seed")
        # Of rows of one seed the last counts: a recipe that is run again appends another.
        command = " ".join(words[:at] + words[at + 2 :]), row["keras_switcher"]
        by_command.setdefault(command, {})[words[at + 1]] = row
    written = [
        "| command | version | dense, % | switched, % | weights removed, % | MACs removed, % | n |",
        "|---|---|---|---|---|---|---|",
    ]
    for (command, version), by_seed in by_command.items():
        rows = list(by_seed.values())
        fields = ("dense_accuracy", "switched_accuracy", "weights_removed", "macs_removed")
        cells = [Spread.of([float(r[f]) for r in rows]).text(100, 2) for f in fields]
        if "connections" in command:  # Stock layers multiply with zeros.
            cells[-1] = ""
        written.append(f"| `{command}` | {version} | {' | '.join(cells)} | {len(rows)} |")
    return "\n".join([*written, ""])


def _read(name):
    path = RESULTS / name
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    sys.exit(main())
