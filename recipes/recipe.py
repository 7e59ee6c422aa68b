"""A recipe: a network and its data, trained dense and switched by one command."""

import argparse
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import tensorflow as tf

import keras_switcher
from keras_switcher import plots
from recipes.drawing import draw_degrees, draw_masks
from recipes.methods import METHODS
from recipes.rows import digest, slug, surroundings, write_rows
from recipes.settings import add_settings, read_settings
from recipes.switching import switched
from recipes.trials.experiment import Experiment
from recipes.trials.measuring import measure
from recipes.trials.trial import Trial

CHECKPOINT, RESULT, SAVED_MODEL = "checkpoint", "result.json", "saved_model"
OF_CONNECTIONS = {"masks.png": draw_masks, "degrees.png": draw_degrees}


@dataclass(frozen=True)
class Recipe:
    """An experiment of a study and its dense twin, from the same weights, with pictures.

    Args:
        name: Name of the recipe's module in `recipes`.
        about: What the help says.
        experiment: The `Experiment`, whose settings are the defaults of the command line.
        pictures: Maps names of files to what draws them, see `recipes.drawing`. Where connections
            have factors, their own pictures are drawn instead.
    """

    name: str
    about: str
    experiment: Experiment
    pictures: dict[str, Callable] = field(default_factory=dict)

    def run(self, arguments: list[str] | None = None) -> dict:
        """Trains, measures, prints and writes; returns what the last line prints as JSON."""
        parser = self._parser()
        options = parser.parse_args(arguments)
        given, output = read_settings(options), options.output
        try:
            trials = self._prepare(given, output, options.data_dir)
        except (ValueError, OSError, ImportError) as error:
            parser.error(str(error))  # Nothing was trained yet: the options cannot be met.
        try:
            outcomes = {method: METHODS[method](trial) for method, trial in trials.items()}
            result = self._measure(trials, outcomes, output)
        except KeyboardInterrupt:
            print(
                f"\nInterrupted. The epochs that were finished are in {output}: the same command "
                "goes on from there.",
                file=sys.stderr,
            )
            raise SystemExit(130) from None
        written = given.as_options(self.experiment.settings)
        result["command"] = f"python -m recipes.{self.name} {written}"
        write_rows(output / RESULT, result)
        if options.rows:
            write_rows(options.rows / f"{result['keras_switcher']}-{slug(written)}.json", result)
        shutil.rmtree(trials["dense"].folder.parent)
        if not any((output / CHECKPOINT).iterdir()):  # None of other settings.
            (output / CHECKPOINT).rmdir()
        print(json.dumps(result), flush=True)
        return result

    def _parser(self):
        parser = argparse.ArgumentParser(f"python -m recipes.{self.name}", description=self.about)
        add_settings(parser, self.experiment.settings)
        for name, default, about in (
            ("--data-dir", None, "TFDS data directory that holds the data set; else it downloads"),
            ("--output", Path("runs") / self.name, "where all goes; a run before is replaced"),
            ("--rows", None, "folder where the row is written as well"),
        ):
            parser.add_argument(name, type=Path, default=default, help=about)
        return parser

    def _prepare(self, settings, output, data_dir):
        """Finds out before training whether everything that comes after it will work."""
        plots.load_pyplot()
        ours = any((output / name).exists() for name in (CHECKPOINT, RESULT))
        if output.exists() and not ours and (not output.is_dir() or any(output.iterdir())):
            raise ValueError(
                f"{output} holds files that no recipe has written. Choose another --output."
            )
        # One folder for all that decides on the result: other settings begin anew.
        folder = output / CHECKPOINT / digest([asdict(settings), keras_switcher.__version__])
        trials = {}
        for method in ("dense", "switched"):
            experiment = replace(self.experiment, method=method, settings=settings)
            where = {"folder": folder / method, "data_dir": data_dir}
            trials[method] = Trial(experiment, settings.seed, **where)
        trial = trials["switched"]
        data = trial.data
        switched(trial.network(), trial.settings)  # Says what it cannot do.
        folder.mkdir(parents=True, exist_ok=True)
        print(
            f"{self.name}: {len(data.train.x):,} samples to train on, {len(data.held_out.x):,} to "
            f"measure on ({data.split} split), seed {settings.seed}, switcher {settings.switcher}",
            flush=True,
        )
        return trials

    def _measure(self, trials, outcomes, output):
        """Measures, exports, prints and draws."""
        dense, row = (measure(trials[method], outcomes[method]) for method in outcomes)
        model, x = outcomes["switched"].model, trials["switched"].data.held_out.x
        accuracies = {"dense": dense["accuracy"], "switched": row["accuracy"]}
        accuracies["compact"], difference = row["compact_accuracy"], None
        print(f"\naccuracy on the {row['measured_on']} split")
        for name, found in accuracies.items():
            print(f"  {name:<9}" + (f"{found:.2%}" if found is not None else "no such model"))
        print(f"\n{model.structure()}\n")
        saved_model = output / SAVED_MODEL
        shutil.rmtree(saved_model, ignore_errors=True)
        if row["compact_accuracy"] is not None:
            model.export(saved_model)
            difference = _difference(model.predict(x, verbose=0), saved_model, x)
            print(
                f"{saved_model}, loaded with TensorFlow alone: outputs differ by at most "
                f"{difference:.1e} of the largest"
            )
        print(f"{output}: {self._draw(trials['switched'], outcomes['switched'], output)}")
        return {
            "recipe": self.name,
            **asdict(trials["switched"].settings),
            "measured_on": row["measured_on"],
            **{f"{name}_accuracy": accuracy for name, accuracy in accuracies.items()},
            **{name: row[name] for name in ("weights_removed", "macs_removed", "widths")},
            "max_relative_difference": difference,
            **{f"{method}_seconds": round(trial.seconds, 1) for method, trial in trials.items()},
            **surroundings(),
        }

    def _draw(self, trial, outcome, output):
        pictures = OF_CONNECTIONS if trial.settings.connections else self.pictures
        given = outcome.model, trial.data.held_out, outcome.history
        figures = {name: draw(*given) for name, draw in pictures.items()}
        figures["counts.png"] = plots.plot_counts(outcome.history)
        for name, figure in figures.items():
            figure.savefig(output / name, dpi=150)
            plots.load_pyplot().close(figure)
        return ", ".join(figures)


def _difference(outputs, saved_model, x):
    """How far the outputs of a SavedModel are from given ones, relative to the largest."""
    loaded = tf.saved_model.load(str(saved_model))  # TensorFlow alone: no Keras, no package.
    return float(np.abs(loaded.serve(x).numpy() - outputs).max() / np.abs(outputs).max())
