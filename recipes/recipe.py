"""A recipe: a network and its data, trained dense and switched by one command."""

import argparse
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

import keras_switcher
from keras_switcher import plots
from recipes.drawing import draw_degrees, draw_masks
from recipes.exporting import exported, remove_exported
from recipes.methods import METHODS
from recipes.rows import digest, of_backend, slug, write_rows
from recipes.settings import add_settings, read_settings
from recipes.switchers import switched
from recipes.trials.measuring import row_of
from recipes.trials.trial import Experiment, Trial

CHECKPOINT, RESULT = "checkpoint", "result.json"
NOT_SHOWN = ("experiment", "structure", "counts", "settings")
OF_CONNECTIONS = {"masks.png": draw_masks, "degrees.png": draw_degrees}


@dataclass(frozen=True)
class Recipe:
    """An experiment of a study and its dense twin, from the same weights, with pictures.

    It has the name of its module in `recipes`, and the experiment's settings as defaults of its
    command line. `pictures` maps names of files to what draws them, see `recipes.drawing`; where
    connections have factors, their own are drawn instead.
    """

    name: str
    about: str
    experiment: Experiment
    pictures: dict[str, Callable] = field(default_factory=dict)

    def run(self, arguments: list[str] | None = None) -> dict:
        """Trains, measures, prints and writes; returns what the last line prints as JSON."""
        parser = self._parser()
        options = parser.parse_args(arguments)
        settings, output = read_settings(options), options.output
        # One folder for all that decides on the result: other settings begin anew.
        decides = digest([asdict(settings), keras_switcher.__version__])
        folder = output / CHECKPOINT / of_backend(decides)
        trials = {}
        ours = replace(self.experiment, settings=settings)
        ours = ours.as_smoke() if settings.smoke else ours
        for method in ("dense", "switched"):
            experiment = replace(ours, method=method)
            if method == "dense" and ours.trained:
                experiment = ours.trained
            where = {"folder": folder / method, "data_dir": options.data_dir}
            # A trained network has a seed of its own; see `trained_network`.
            is_trained = experiment is ours.trained
            seed = settings.seed % experiment.seeds if is_trained else settings.seed
            trials[method] = Trial(experiment, seed, **where)
        try:
            self._check(trials["switched"], output)
        except (ValueError, OSError, ImportError) as error:
            parser.error(str(error))  # Nothing was trained yet: the options cannot be met.
        try:
            outcomes = {method: METHODS[method](trial) for method, trial in trials.items()}
        except KeyboardInterrupt:
            print(
                f"\nInterrupted. The epochs that were finished are in {output}: the same command "
                "goes on from there.",
                file=sys.stderr,
            )
            raise SystemExit(130) from None
        rows = {method: row_of(trial, outcomes[method]) for method, trial in trials.items()}
        written = settings.as_options(self.experiment.settings)
        shown = {name: of for name, of in rows["switched"].items() if name not in NOT_SHOWN}
        row = {"command": f"python -m recipes.{self.name} {written}", **shown}
        row |= asdict(trials["switched"].settings)
        row |= {f"{method}_accuracy": of["accuracy"] for method, of in rows.items()}
        row |= self._show(row, trials["switched"], outcomes["switched"], output)
        write_rows(output / RESULT, row)
        if options.rows:
            name = of_backend(f"{row['keras_switcher']}-{slug(written)}")
            write_rows(options.rows / f"{name}.json", row)
        shutil.rmtree(folder)
        if not any(folder.parent.iterdir()):  # None of other settings.
            folder.parent.rmdir()
        print(json.dumps(row), flush=True)
        return row

    def _parser(self):
        parser = argparse.ArgumentParser(
            f"python -m recipes.{self.name}",
            description=self.about,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        add_settings(parser, self.experiment.settings)
        for name, default, about in (
            ("--data-dir", None, "directory that holds the data set; see above"),
            ("--output", Path("runs") / self.name, "where all goes; a run before is replaced"),
            ("--rows", None, "folder where the row is written as well"),
        ):
            parser.add_argument(name, type=Path, default=default, help=about)
        return parser

    def _check(self, trial, output):
        """Finds out before training whether everything that comes after it will work."""
        plots.load_pyplot()
        ours = any((output / name).exists() for name in (CHECKPOINT, RESULT))
        if output.exists() and not ours and (not output.is_dir() or any(output.iterdir())):
            raise ValueError(
                f"{output} holds files that no recipe has written. Choose another --output."
            )
        data = trial.data
        switched(trial.network(), trial.settings, len(data.train.y))  # Says what it cannot do.
        trial.folder.mkdir(parents=True, exist_ok=True)
        print(
            f"{self.name}: {len(data.train.x):,} samples to train on, {len(data.held_out.x):,} to "
            f"measure on ({data.split} split), seed {trial.seed}, "
            f"switcher {trial.settings.switcher}",
            flush=True,
        )

    def _show(self, row, trial, outcome, output):
        """Prints what was measured, exports and draws."""
        model, held_out, difference = outcome.model, trial.data.held_out, None
        remove_exported(output)
        print(f"\naccuracy on the {row['measured_on']} split")
        for name in ("dense_accuracy", "switched_accuracy", "compact_accuracy"):
            found = f"{row[name]:.2%}" if row[name] is not None else "no such model"
            print(f"  {name.removesuffix('_accuracy'):<9}{found}")
        print(f"\n{model.structure()}\n")
        if row["compact_accuracy"] is not None:
            outputs = model.predict(held_out.x, verbose=0)
            path, by, again = exported(model, held_out.x, output)
            difference = float(np.abs(again - outputs).max() / np.abs(outputs).max())
            print(
                f"{path}, loaded with {by} alone: outputs differ by at most {difference:.1e} of "
                "the largest"
            )
        pictures = OF_CONNECTIONS if trial.settings.connections else self.pictures
        figures = {n: draw(model, held_out, outcome.history) for n, draw in pictures.items()}
        figures["counts.png"] = plots.plot_counts(outcome.history)
        for name, figure in figures.items():
            figure.savefig(output / name, dpi=150)
            plots.load_pyplot().close(figure)
        print(f"{output}: {', '.join(figures)}")
        return {"max_relative_difference": difference}
