"""Runs a study: what has no row yet is run, in parallel processes, and written down.

    python -m recipes.studies mnist
    python -m recipes.studies mnist --time-limit 60
    python -m recipes.studies mnist --only "mlp row" --seeds 0 1
    python -m recipes.studies mnist --list
    python -m recipes.studies mnist --only "mlp row" --seeds 0 --again
    python -m recipes.studies mnist --only "mlp row" --seeds 0 --smoke

The trials that take least time come first, or the study has an order of its own. A study that was
stopped or killed goes on from the last finished epoch of each trial: run the same command. What an
older version of keras_switcher ran with another default is run again, and has a row of each version
then. KERAS_BACKEND chooses the backend; each but TensorFlow has rows and checkpoints of its own, in
folders that end with its name.
"""

import argparse
import sys
from pathlib import Path

from recipes import studies
from recipes.networks import load
from recipes.rows import RESULTS
from recipes.trials.runner import Runner
from recipes.trials.study_rows import StudyRows


def main(arguments: list[str] | None = None) -> int:
    """Runs a study from the command line; returns the number of trials without a row."""
    parser = _parser()
    options = parser.parse_args(arguments)
    again = options.again or options.smoke
    if again and not options.only:
        parser.error("--again and --smoke need --only: say what to run")
    try:
        rows = StudyRows(options.study, studies.experiments(options.study), options.results)
        rows.check()
    except (ValueError, OSError) as error:
        parser.error(str(error))
    if unknown := set(options.only or ()) - rows.experiments.keys():
        names = "\n  ".join(rows.experiments)
        parser.error(f"no such experiment: {', '.join(sorted(unknown))}. There are:\n  {names}")
    if options.smoke:
        for name, experiment in rows.experiments.items():
            rows.experiments[name] = experiment.as_smoke()
    chosen = options.only, options.seeds, options.data_dir
    where, in_order = options.output / rows.folder.name, studies.is_in_order(options.study)
    runner = Runner(rows, where, *chosen, again, in_order)
    if not runner.due:
        print(f"Nothing is due: {rows.folder} has these rows. --again runs them once more.")
    if options.list:
        for experiment, seed in runner.due:
            print(f"{experiment.name}, seed {seed}")
        outdated = sum((e.name, seed) in rows.newest for e, seed in runner.due)
        if outdated and not again:
            outdated = f"{outdated} of {len(runner.due)}"
            print(f"{outdated} are due again: an older version made their rows.")
        return 0
    try:
        for task in {experiment.task for experiment, _ in runner.due}:
            load(task, False, options.data_dir)  # Here, where it may have to be downloaded.
    except (ValueError, OSError, ImportError) as error:
        parser.error(str(error))
    try:
        return runner.run(options.processes, options.time_limit)
    except KeyboardInterrupt:
        print("\nInterrupted: the same command goes on.", file=sys.stderr)
        return 130


def _parser():
    options = {"formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = argparse.ArgumentParser("python -m recipes.studies", description=__doc__, **options)
    add = parser.add_argument
    add("study", choices=studies.NAMES)
    add("--only", nargs="+", metavar="NAME", help="experiments to run")
    add("--seeds", nargs="+", type=int, metavar="SEED", help="seeds to run")
    add("--processes", type=int, help="default: 2, or 1 where there is an accelerator")
    limit = "start no trial that would take longer, then stop; the same command continues later"
    add("--time-limit", type=float, metavar="MINUTES", help=limit)
    for name, about in {
        "list": "say what is due, and run nothing",
        "again": "run what has rows too, show results beside the newest rows, and write nothing",
        "smoke": "two epochs on a few samples, to see that it runs; writes nothing",
    }.items():
        add(f"--{name}", action="store_true", help=about)
    where = "TFDS data directory that holds the data set (else it is downloaded), or packed files"
    add("--data-dir", type=Path, help=where)
    add("--output", type=Path, default=Path("runs"), help="for checkpoints (default: %(default)s)")
    add("--results", type=Path, default=RESULTS, help="where rows go (default: recipes/results)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
