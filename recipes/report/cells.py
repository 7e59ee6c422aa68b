"""Cells of the overview tables: means alone, of the method and what stands beside it."""

from recipes.report.statistics import Rows, signed
from recipes.studies.baselines import Lines
from recipes.trials.experiment import Experiment
from recipes.trials.versions import MARK


class Cells:
    """Texts of the rows that are shown; `lines` are the experiments of a table."""

    def __init__(self, rows: Rows):
        self._rows = rows

    def accuracy(self, lines: Lines, *called: str) -> str:
        """The mean accuracy of what the table calls so, nothing where nothing is planned.

        In brackets how many seeds there are, where some are missing.
        """
        experiment = next((lines[label] for label in called if label in lines), None)
        if experiment is None:
            return ""
        found = self._rows.spread(experiment.name)
        if found is None:
            return "not run"
        n = f" ({found.n})" if found.n < experiment.seeds else ""
        return f"{100 * found.mean:.2f}{self._mark(experiment)}{n}"

    def removed(self, lines: Lines, of: str) -> str:
        """What the method removes of weights or MACs."""
        found = self._rows.spread(lines["row switcher"].name, f"{of}_removed")
        return f"{100 * found.mean:.1f}{self._mark(lines['row switcher'])}" if found else ""

    def ahead(self, lines: Lines) -> str:
        """How much more the method reaches than its dense twin."""
        pair = lines["row switcher"], lines["dense twin"]
        found = self._rows.difference(*(experiment.name for experiment in pair))
        return signed(found) + (self._mark(*pair) if found else "")

    def _mark(self, *experiments: Experiment) -> str:
        """Behind numbers of rows that are due again."""
        return MARK if MARK in self._rows.versions(*(e.name for e in experiments)) else ""
