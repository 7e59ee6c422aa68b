"""Runs a study: what has no row yet is run, in parallel processes, and written down.

    python -m recipes.evidence mnist
    python -m recipes.evidence mnist --only "mlp row" --seeds 0 1
    python -m recipes.evidence mnist --list
    python -m recipes.evidence mnist --only "mlp row" --seeds 0 --again

A study that was stopped goes on from the last finished epoch of each trial. What an older version
of keras_switcher ran with another default is run again, and has a row of each version then.
"""

import argparse
import sys
from pathlib import Path

from recipes.evidence import (
    digits_controls,
    digits_residual,
    mnist,
    mnist_connections,
    mnist_search,
    starts,
)
from recipes.evidence.ledger import Ledger
from recipes.evidence.runner import Runner
from recipes.evidence.tasks import load

STUDIES = {
    "digits_controls": digits_controls,
    "digits_residual": digits_residual,
    "mnist": mnist,
    "mnist_connections": mnist_connections,
    "mnist_search": mnist_search,
    "starts": starts,
}
RESULTS = Path(__file__).parents[1] / "results"


def main(arguments: list[str] | None = None) -> int:
    """Runs a study from the command line; returns the number of trials without a row."""
    parser = _parser()
    options = parser.parse_args(arguments)
    experiments = STUDIES[options.study].EXPERIMENTS
    unknown = set(options.only or ()) - {e.name for e in experiments}
    if unknown:
        names = "\n  ".join(e.name for e in experiments)
        parser.error(f"no such experiment: {', '.join(sorted(unknown))}. There are:\n  {names}")
    try:
        ledger = Ledger(options.csv or RESULTS / f"{options.study}.csv")
        ledger.check(experiments)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    if options.again and not options.only:
        parser.error("--again needs --only: say what to run once more")
    runner = Runner(
        experiments,
        ledger,
        options.output / (f"{options.study}_again" if options.again else options.study),
        options.data_dir,
        f"python -m recipes.evidence {options.study}",
        options.again,
    )
    runner.choose(options.only, options.seeds)
    if not runner.due:
        print(f"Nothing is due: {ledger.path} has these rows. --again runs them once more.")
    if options.list:
        for experiment, seed in runner.due:
            print(f"{experiment.name}, seed {seed}")
        if (number := runner.due_again) and not options.again:
            print(f"{number} of {len(runner.due)} are due again: an older version made their rows.")
        return 0
    try:
        for task in {experiment.task for experiment, _ in runner.due}:
            load(task, False, options.data_dir)  # Here, where it may have to be downloaded.
    except (ValueError, OSError, ImportError) as error:
        parser.error(str(error))
    try:
        return runner.run(options.processes)
    except KeyboardInterrupt:
        print("\nInterrupted: the same command goes on.", file=sys.stderr)
        return 130


def _parser():
    parser = argparse.ArgumentParser(
        "python -m recipes.evidence", description=__doc__.split("\n")[0]
    )
    parser.add_argument("study", choices=STUDIES)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="experiments to run")
    parser.add_argument("--seeds", nargs="+", type=int, metavar="SEED", help="seeds to run")
    parser.add_argument(
        "--again",
        action="store_true",
        help="run what has rows too, show results beside the newest rows, and write nothing",
    )
    parser.add_argument("--list", action="store_true", help="say what is due, and run nothing")
    parser.add_argument("--processes", type=int, default=2, help="default: %(default)s")
    parser.add_argument(
        "--data-dir",
        type=Path,
        help="TFDS data directory that holds MNIST; without it, TFDS downloads it",
    )
    parser.add_argument(
        "--output", type=Path, default=Path("runs"), help="for checkpoints (default: %(default)s)"
    )
    parser.add_argument("--csv", type=Path, help="the study's file (default: recipes/results/)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
