"""How a recipe runs: its command line, what it prints, writes and leaves when interrupted."""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import keras

from keras_switcher import plots
from keras_switcher.files import write_whole
from recipes.checkpoints import open_folder
from recipes.comparison import Comparison
from recipes.datasets import Data
from recipes.drawing import draw_degrees, draw_masks
from recipes.records import append_row, check_csv, surroundings
from recipes.settings import Settings, add_settings, read_settings

CHECKPOINT, RESULT, SAVED_MODEL = "checkpoint", "result.json", "saved_model"
COUNTS = "counts.png"
OF_CONNECTIONS = {"masks.png": draw_masks, "degrees.png": draw_degrees}
SMOKE_SAMPLES, SMOKE_EPOCHS = 512, 2


@dataclass(frozen=True)
class Recipe:
    """A network and its data, to be trained dense and switched.

    Args:
        name: Name of the recipe's module in `recipes`.
        about: What the help says.
        network: Makes the task network, which ends in logits.
        load: Makes the `Data`; takes `validate`, and `data_dir` if `has_data_dir`.
        settings: The default `Settings`, without the switcher's learning rate.
        switcher_rates: That rate by name of switcher; what is not named has that of `"row"`.
        pictures: Maps names of files to what draws them, see `recipes.drawing`. Where connections
            have factors, their own pictures are drawn instead.
        has_data_dir: Whether the data set lies in a data directory.
    """

    name: str
    about: str
    network: Callable[[], keras.Model]
    load: Callable[..., Data]
    settings: Settings
    switcher_rates: dict[str, float]
    pictures: dict[str, Callable] = field(default_factory=dict)
    has_data_dir: bool = False

    def run(self, arguments: list[str] | None = None) -> dict:
        """Trains, measures, prints and writes.

        Args:
            arguments: The command line's; by default those of the process.

        Returns:
            What is printed as the last line, as JSON.
        """
        started = time.perf_counter()
        parser = self._parser()
        options = parser.parse_args(arguments)
        given = read_settings(options)
        settings = self._completed(given)
        try:
            comparison = self._prepare(options, settings)
        except (ValueError, OSError, ImportError) as error:
            parser.error(str(error))  # Nothing was trained yet: the options cannot be met.
        try:
            comparison.train()
            result = {"recipe": self.name, **asdict(settings), **self._measure(comparison, options)}
        except KeyboardInterrupt:
            print(
                f"\nInterrupted. The epochs that were finished are in {options.output}: the same "
                "command goes on from there.",
                file=sys.stderr,
            )
            raise SystemExit(130) from None
        result["command"] = f"python -m recipes.{self.name} {given.as_options(self.settings)}"
        result["seconds"] = round(comparison.seconds_before + time.perf_counter() - started, 1)
        if options.csv:
            append_row(options.csv, result)
        line = json.dumps(result)
        write_whole(options.output / RESULT, line + "\n")
        shutil.rmtree(options.output / CHECKPOINT)
        print(line, flush=True)
        return result

    def _parser(self):
        parser = argparse.ArgumentParser(f"python -m recipes.{self.name}", description=self.about)
        add_settings(parser, self.settings)
        if self.has_data_dir:
            parser.add_argument(
                "--data-dir",
                type=Path,
                help="TFDS data directory that holds the data set; without it, TFDS downloads it",
            )
        parser.add_argument(
            "--output",
            type=Path,
            default=Path("runs") / self.name,
            help="folder for pictures, SavedModel, result and checkpoint; what an earlier run "
            "left there is replaced (default: %(default)s)",
        )
        parser.add_argument("--csv", type=Path, help="file to which a row of results is appended")
        return parser

    def _prepare(self, options, settings):
        """Finds out before training whether everything that comes after it will work."""
        plots.load_pyplot()
        if options.csv:
            check_csv(options.csv)
        output = options.output
        ours = any((output / name).exists() for name in (CHECKPOINT, RESULT))
        if output.exists() and not ours and (not output.is_dir() or any(output.iterdir())):
            raise ValueError(
                f"{output} holds files that no recipe has written. Choose another --output."
            )
        where = {"data_dir": options.data_dir} if self.has_data_dir else {}
        data = self.load(validate=settings.validate, **where)
        if settings.smoke:
            data = data.smaller(SMOKE_SAMPLES)
        checkpoint = output / CHECKPOINT
        open_folder(checkpoint, {"recipe": self.name, **asdict(settings)})
        comparison = Comparison(self.network, data, settings, checkpoint)
        print(
            f"{self.name}: {len(data.train.x):,} samples to train on, {len(data.held_out.x):,} to "
            f"measure on ({data.split} split), seed {settings.seed}",
            flush=True,
        )
        return comparison

    def _measure(self, comparison, options):
        """Measures, prints and draws."""
        saved_model = options.output / SAVED_MODEL
        if saved_model.exists():
            shutil.rmtree(saved_model)
        measured = comparison.measure(saved_model)
        pictures = self._draw(comparison, options.output)
        print(f"\naccuracy on the {measured['measured_on']} split")
        for name in ("dense", "switched", "compact"):
            accuracy = measured[f"{name}_accuracy"]
            print(f"  {name:<9}" + (f"{accuracy:.2%}" if accuracy is not None else "no such model"))
        print(f"\n{comparison.switched.structure()}\n")
        if measured["max_relative_difference"] is not None:
            print(
                f"{saved_model}, loaded with TensorFlow alone: outputs differ by at most "
                f"{measured['max_relative_difference']:.1e} of the largest"
            )
        print(f"{options.output}: {', '.join(pictures)}")
        return {**measured, **surroundings()}

    def _draw(self, comparison, output):
        pictures = OF_CONNECTIONS if comparison.masks else self.pictures
        figures = {name: draw(comparison) for name, draw in pictures.items()}
        figures[COUNTS] = plots.plot_counts(comparison.history)
        for name, figure in figures.items():
            figure.savefig(output / name, dpi=150)
            plots.load_pyplot().close(figure)
        return list(figures)

    def _completed(self, settings):
        """The settings, with the switcher's learning rate and what a smoke run changes."""
        rate = settings.switcher_learning_rate
        if rate is None:
            rate = self.switcher_rates.get(settings.switcher, self.switcher_rates["row"])
        if not settings.smoke:
            return replace(settings, switcher_learning_rate=rate)
        # So few updates that the budget falls at once: at its full rate a switcher overshoots.
        epochs = min(settings.epochs, SMOKE_EPOCHS)
        return replace(settings, switcher_learning_rate=rate / 10, epochs=epochs)
