"""Runs a study: what has no row yet is run, in parallel processes, and written down.

    python -m recipes.studies mnist
    python -m recipes.studies mnist --time-limit 60
    python -m recipes.studies mnist --only "mlp row" --seeds 0 1
    python -m recipes.studies mnist --list
    python -m recipes.studies mnist --only "mlp row" --seeds 0 --again

The trials that take least time come first. A study that was stopped or killed goes on from the last
finished epoch of each trial. What an older version of keras_switcher ran with another default is
run again, and has a row of each version then. KERAS_BACKEND chooses the backend; each but
TensorFlow has rows of its own.
"""

import argparse
import sys
from pathlib import Path

from recipes import studies
from recipes.networks import TASKS, load
from recipes.rows import RESULTS
from recipes.trials.runner import Runner
from recipes.trials.study_rows import StudyRows


def main(arguments: list[str] | None = None) -> int:
    """Runs a study from the command line; returns the number of trials without a row."""
    parser = _parser()
    options = parser.parse_args(arguments)
    experiments = studies.experiments(options.study)
    unknown = set(options.only or ()) - {e.name for e in experiments}
    if unknown:
        names = "\n  ".join(e.name for e in experiments)
        parser.error(f"no such experiment: {', '.join(sorted(unknown))}. There are:\n  {names}")
    if options.again and not options.only:
        parser.error("--again needs --only: say what to run once more")
    try:
        rows = StudyRows(options.study, options.results)
        rows.check(experiments)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    output = options.output / options.study
    runner = Runner(experiments, rows, output, options.data_dir, options.again)
    runner.choose(options.only, options.seeds)
    if not runner.due:
        print(f"Nothing is due: {rows.folder} has these rows. --again runs them once more.")
    if options.list:
        for experiment, seed in runner.due:
            print(f"{experiment.name}, seed {seed}")
        if (number := runner.due_again) and not options.again:
            print(f"{number} of {len(runner.due)} are due again: an older version made their rows.")
        return 0
    try:
        for task in {experiment.task for experiment, _ in runner.due} & TASKS.keys():
            load(task, False, options.data_dir)  # Here, where it may have to be downloaded.
    except (ValueError, OSError, ImportError) as error:
        parser.error(str(error))
    try:
        return runner.run(options.processes, options.time_limit)
    except KeyboardInterrupt:
        print("\nInterrupted: the same command goes on.", file=sys.stderr)
        return 130


def _parser():
    parser = argparse.ArgumentParser(
        "python -m recipes.studies",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("study", choices=studies.NAMES)
    add("--only", nargs="+", metavar="NAME", help="experiments to run")
    add("--seeds", nargs="+", type=int, metavar="SEED", help="seeds to run")
    add("--list", action="store_true", help="say what is due, and run nothing")
    add("--processes", type=int, default=2, help="default: %(default)s")
    add(
        "--time-limit",
        type=float,
        metavar="MINUTES",
        help="begin no trial that will not end within so many, and stop then",
    )
    add(
        "--again",
        action="store_true",
        help="run what has rows too, show results beside the newest rows, and write nothing",
    )
    add("--data-dir", type=Path, help="TFDS data directory that holds MNIST; else it is downloaded")
    add("--output", type=Path, default=Path("runs"), help="for checkpoints (default: %(default)s)")
    add("--results", type=Path, default=RESULTS, help="where rows go (default: recipes/results)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
