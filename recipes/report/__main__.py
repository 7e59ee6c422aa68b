"""Writes pages of docs/ (results, measured, guides/deciders), pictures, and the README's part.

    python -m recipes.report

The rows are those of `recipes/results/`. In the README it writes the part between the two marks.
Every number is computed from a row; experiments without rows are said not to have been run.
"""

import json
from functools import partial
from pathlib import Path

import jinja2
import pandas as pd

from recipes import studies
from recipes.report import deciders, pairs, tables
from recipes.report.pictures import PICTURES, shown
from recipes.report.statistics import Rows, signed, versions
from recipes.rows import RESULTS, read_rows
from recipes.trials.study_rows import MARK, StudyRows

SHOWN = (*studies.MAIN, *studies.DECIDERS, *studies.BUDGETS, *studies.LARGE)
HERE = Path(__file__).parent
README, DOCS = HERE.parents[1] / "README.md", HERE.parents[1] / "docs"
BENCHMARKS = (
    *("families", "growth", "latency", "latency_budget", "memory", "prune"),
    *("step_time", "zoo", "zoo_exactness"),
)
MARKS = "<!-- Written by python -m recipes.report: -->\n", "<!-- End of what it writes. -->\n"


class Report:
    """The texts and pictures of the committed rows."""

    def __init__(self):
        self.rows = self._shown(*SHOWN)
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE),
            undefined=jinja2.StrictUndefined,
            keep_trailing_newline=True,
        )

    def results(self) -> str:
        """The text of `docs/results.md`."""
        planned, deciders = (
            [experiment for name in names for experiment in studies.experiments(name)]
            for names in (studies.MAIN, (*studies.DECIDERS, *studies.BUDGETS))
        )
        of_studies = [_rows_of(name) for name in studies.MAIN]
        first = _joined(rows.by_version.get("0.1.0", {}) for rows in of_studies)
        holding = _joined(rows.holding() for rows in of_studies).rows
        now = Rows({key: row for key, row in holding.items() if first.rows.get(key) is not row})
        searched = self._shown("mnist_search").rows.values()
        return self._render(
            "results.md.jinja",
            published=json.loads((RESULTS / "published.json").read_text()),
            table=partial(tables.compared, self.rows),
            paired=lambda found, *of: pairs.paired(self.rows, found, of),
            counting=partial(pairs.counting, self.rows),
            pairs=pairs,
            backend_of=tables.backend_of,
            rows_of=lambda lines: self.rows.of(*(line.name for line in lines.values())),
            difference=lambda *names: signed(self.rows.difference(*names)) or "not been run",
            budgets=tables.budgets(self.rows, planned + deciders),
            budgets_since=tables.budgets(now, planned, first),
            starts=tables.starts(self._shown("starts")),
            checks=tables.checks(StudyRows("budget_checks", backend="tensorflow").newest.values()),
            searched=tables.tried(searched, "experiment"),
            tried=lambda name: tables.tried(read_rows(RESULTS / "tried", f"{name}.json")),
            recipes=tables.recipes(read_rows(RESULTS / "recipes", "*/*.json")),
            benchmark=lambda n, *c: tables.benchmark(read_rows(RESULTS / "benchmarks" / n), c),
            changed=self._changed_by_compaction(),
            took=Rows(
                {
                    (row["experiment"], row["seed"]): row
                    for row in read_rows(RESULTS / "benchmarks" / "compact_milliseconds")
                }
            ),
            pictures=[(n, t, versions(shown(self.rows, n))) for n, (t, *_) in PICTURES.items()],
        )

    def measured(self) -> str:
        """The text of `docs/measured.md`."""
        found = {name: read_rows(RESULTS / "benchmarks" / name) for name in BENCHMARKS}
        # Since version 0.2.4, on every backend; rows before have one of several networks.
        backends = [row for row in found["step_time"] if "batch_size" in row]
        found["step_time"] = [row for row in found["step_time"] if row not in backends]
        names = list(dict.fromkeys(map(tables.backend_of, backends)))
        of = {"backends": backends, "names_of_backends": names, "backend_of": tables.backend_of}
        return self._render("measured.md.jinja", **found, **of)

    def deciders(self) -> str:
        """The text of `docs/guides/deciders.md`."""
        against, tally = deciders.against(self.rows), deciders.tally(self.rows)
        return self._render("deciders.md.jinja", against=against, tally=tally)

    def readme(self, before: str) -> str:
        """The README, with what the rows say now between its marks."""
        start, rest = before.split(MARKS[0])
        end = rest.split(MARKS[1])[1]
        return f"{start}{MARKS[0]}\n{self._render('readme.md.jinja')}\n{MARKS[1]}{end}"

    def figures(self) -> dict:
        """The pictures of rows, matplotlib figures by name of file."""
        return {
            name: draw(self.rows, title)
            for name, (title, _, draw) in PICTURES.items()
            if shown(self.rows, name)
        }

    def write(self):
        """Writes the texts and the pictures."""
        (DOCS / "figures").mkdir(parents=True, exist_ok=True)
        for name, figure in self.figures().items():
            figure.savefig(DOCS / "figures" / name, dpi=120)
        (DOCS / "results.md").write_text(self.results())
        (DOCS / "measured.md").write_text(self.measured())
        (DOCS / "guides" / "deciders.md").write_text(self.deciders())
        README.write_text(self.readme(README.read_text()))

    def _render(self, template, **names):
        modules = {name: studies.load(name) for name in SHOWN}
        known = {"rows": self.rows, "signed": signed, "mark": MARK}
        return self._templates.get_template(template).render(**modules, **known, **names)

    def _shown(self, *names):
        return _joined(_rows_of(name).shown() for name in names)

    def _changed_by_compaction(self):
        """By version how many switched networks were compared, and classes that changed."""
        found = [
            (row["keras_switcher"], row.get("classes_changed"))
            for row in self.rows.rows.values()
            if row["settings"]["method"] == "switched"
        ]
        changed = pd.DataFrame(found, columns=["version", "classes"])
        # None where a group has become empty.
        counts = changed.groupby("version")["classes"].agg(["count", "sum"])
        return list(counts.astype(int).itertuples(name=None))


def _rows_of(study):
    return StudyRows(study, studies.experiments(study), backend=studies.backend(study))


def _joined(found):
    return Rows({key: row for rows in found for key, row in rows.items()})


if __name__ == "__main__":
    Report().write()
