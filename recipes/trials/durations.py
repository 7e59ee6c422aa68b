"""Durations of trials, estimated by the rows that there are."""

from collections import defaultdict
from collections.abc import Iterable
from math import inf
from statistics import median

from recipes.trials.experiment import Experiment

# What a trial may take longer than the median, and the seconds in which a process starts.
MARGIN, START = 1.25, 15


class Durations:
    """Medians of known times: a trial that waited for others took too long.

    Args:
        rows: Rows of a study.
    """

    def __init__(self, rows: Iterable[dict]):
        by_name, by_epoch = defaultdict(list), defaultdict(list)
        for row in rows:
            by_name[row["experiment"]].append(row["seconds"])
            by_epoch[row["settings"]["task"]].append(row["seconds"] / row["epochs"])
        self._by_name = {name: median(found) for name, found in by_name.items()}
        self._by_epoch = {task: median(found) for task, found in by_epoch.items()}

    def of(self, experiment: Experiment) -> float:
        """Seconds; by those of an epoch of other experiments where there is no row yet.

        Infinite where nothing is known.
        """
        of_epochs = self._by_epoch.get(experiment.task, inf) * experiment.settings.epochs
        return self._by_name.get(experiment.name, of_epochs)

    def fits(self, experiment: Experiment, seconds: float) -> bool:
        """Whether a trial can be begun if so many seconds are left: also if nothing is known."""
        known = self.of(experiment)
        return known == inf or MARGIN * known + START <= seconds
