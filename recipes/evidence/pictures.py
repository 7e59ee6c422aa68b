"""The pictures of `recipes/README.md`, each drawn from rows of a study."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from keras_switcher import plots
from recipes.evidence.summary import spread
from recipes.evidence.written import read_counts, read_structure


@dataclass(frozen=True)
class Curve:
    """Accuracy over the share of the weights that is removed, with standard deviations.

    Args:
        title: Title of the picture.
        curves: Maps what the legend says to names of experiments; what has not been run is
            left out.
        dense: Name of the dense twin's experiment, drawn as a band.
    """

    title: str
    curves: dict[str, list[str]]
    dense: str

    @property
    def needs(self) -> set[str]:
        """Names of experiments, one of which must have been run."""
        return {name for names in self.curves.values() for name in names}

    def draw(self, rows: dict):
        """A matplotlib figure of a `Ledger`'s rows."""
        figure, ax = plots.load_pyplot().subplots(figsize=(7, 4.5), layout="constrained")
        for label, names in self.curves.items():
            points = [
                (spread(rows, name, "weights_removed").mean, accuracy)
                for name in names
                if (accuracy := spread(rows, name, "accuracy"))
            ]
            if not points:
                continue
            points.sort(key=lambda point: point[0])
            ax.errorbar(
                [100 * removed for removed, _ in points],
                [100 * accuracy.mean for _, accuracy in points],
                [100 * accuracy.std for _, accuracy in points],
                marker="o",
                capsize=3,
                label=label,
            )
        if twin := spread(rows, self.dense, "accuracy"):
            ax.axhline(100 * twin.mean, color="gray", linestyle="--", label="dense twin")
            low, high = 100 * (twin.mean - twin.std), 100 * (twin.mean + twin.std)
            ax.axhspan(low, high, color="gray", alpha=0.2)
        ax.set_xlabel("weights removed, %")
        ax.set_ylabel("test accuracy, %")
        ax.set_title(self.title)
        ax.legend()
        return figure


@dataclass(frozen=True)
class OfExperiment:
    """What the pictures of a single experiment have in common.

    Args:
        title: Title of the picture.
        experiment: Name of the experiment.
    """

    title: str
    experiment: str

    @property
    def needs(self) -> set[str]:
        """See `Curve.needs`."""
        return {self.experiment}


@dataclass(frozen=True)
class Counts(OfExperiment):
    """Channels strengthened, weakened and pruned over the epochs of an experiment's first seed."""

    def draw(self, rows: dict):
        """A matplotlib figure of a `Ledger`'s rows."""
        seeds = [seed for name, seed in rows if name == self.experiment]
        figure = plots.plot_counts(read_counts(rows[self.experiment, min(seeds)]["counts"]))
        figure.suptitle(self.title)
        return figure


@dataclass(frozen=True)
class Pixels(OfExperiment):
    """In which share of an experiment's seeds each input is kept.

    Args:
        title: Title of the picture.
        experiment: Name of the experiment.
        group: Name of the input group.
        shape: Rows and columns in which the inputs lie.
    """

    group: str
    shape: Sequence[int]

    def draw(self, rows: dict):
        """A matplotlib figure of a `Ledger`'s rows."""
        found = [row for (name, _), row in rows.items() if name == self.experiment]
        kept = [read_structure(row["structure"])[self.group] for row in found]
        figure, ax = plots.load_pyplot().subplots(figsize=(4.5, 4), layout="constrained")
        image = ax.imshow(np.mean(kept, axis=0).reshape(self.shape), vmin=0, vmax=1, cmap="gray")
        figure.colorbar(image, label=f"share of {len(kept)} seeds that keep it")
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_title(self.title)
        return figure
