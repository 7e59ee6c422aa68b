"""Runs the due trials of a study in parallel processes that end with this one."""

import multiprocessing
import os
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from math import inf
from pathlib import Path

import keras
import pandas as pd

import keras_switcher
from recipes.networks import TASKS
from recipes.rows import accelerators, digest, slug
from recipes.trials.encoding import decode_structure
from recipes.trials.run_trial import LOG, run_trial
from recipes.trials.study_rows import StudyRows
from recipes.trials.trial import Experiment, Trial

# A worker starts anew after so many trials: backends keep what they have compiled.
TRIALS_PER_PROCESS = 12
# What a trial may take longer than the median, and the seconds in which a process starts.
MARGIN, START = 1.25, 15
KNOWN = ["experiment", "seconds", "epochs", "settings.task"]


class Runner:
    """What is still `due` of a study, pairs of an experiment and a seed, cheapest trials first.

    Of all experiments or those of these names, of all seeds or these. What runs keeps its
    checkpoints in the folder `output`. With `again` that is what has rows too, and results are
    shown beside the newest rows instead of written. With `in_order` it comes seed by seed in the
    order of the experiments, and of times that of their rows is known alone.
    """

    def __init__(
        self,
        rows: StudyRows,
        output: Path,
        names: list[str] | None = None,
        seeds: list[int] | None = None,
        data_dir: Path | None = None,
        again: bool = False,
        in_order: bool = False,
    ):
        self._rows, self._output, self._data_dir, self._again = rows, output, data_dir, again
        self._seconds, self._end = expected_seconds(rows, by_rows_alone=in_order), inf
        trials = [(e, seed) for e in rows.experiments.values() for seed in range(e.seeds)]
        due = [
            (experiment, seed)
            for experiment, seed in trials
            if (names is None or experiment.name in names)
            and (seeds is None or seed in seeds)
            and (again or rows.is_due(experiment, seed))
        ]
        # Sorting leaves what is alike in the order of the experiments.
        self.due = sorted(due, key=lambda trial: trial[1])
        if not in_order:
            self.due.sort(key=lambda trial: self._seconds[trial[0].name])

    def run(self, processes: int | None = None, minutes: float | None = None) -> int:
        """Runs what is due; returns the number of trials that failed, or that wait for such.

        Without a number of processes that is one where there is an accelerator, and two of one
        thread each elsewhere. What is not known to end within so many minutes is not begun, and
        what still runs then is stopped, to go on from its last finished epoch.
        """
        context = multiprocessing.get_context("spawn")
        has_accelerator = processes is None and bool(_in_own_process(accelerators, context))
        processes = processes or (1 if has_accelerator else 2)
        if keras.backend.backend() == "tensorflow" and not has_accelerator:
            os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
        if minutes is not None:
            self._end = time.monotonic() + 60 * minutes
        self._total, self._done, self._failed = len(self.due), 0, 0
        options = {"initializer": end_with_parent, "max_tasks_per_child": TRIALS_PER_PROCESS}
        pool = ProcessPoolExecutor(processes, context, **options)
        running: dict[Future, tuple[Experiment, int]] = {}
        try:
            while time.monotonic() < self._end:
                while len(running) < processes and (trial := self._next()):
                    running[pool.submit(run_trial, *self._prepared(*trial))] = trial
                if not running:
                    break
                left = None if self._end == inf else max(0, self._end - time.monotonic())
                for future in wait(running, left, FIRST_COMPLETED).done:
                    self._finish(future, *running.pop(future))
        finally:
            pool.shutdown(wait=not running, cancel_futures=True)
            for process in multiprocessing.active_children() if running else ():
                process.kill()
        return self._failed + self._report_left(len(running))

    def _next(self):
        """The next trial that can be begun: its structure is known, and it will end in time."""
        left = self._end - time.monotonic()
        for index, (experiment, seed) in enumerate(self.due):
            known = self._seconds[experiment.name]
            is_in_time = known == inf or MARGIN * known + START <= left
            if is_in_time and self._has_structure(experiment, seed):
                return self.due.pop(index)
        return None

    def _has_structure(self, experiment, seed):
        source, trained = self._rows.experiments.get(experiment.structure_of), experiment.trained
        if trained and self._rows.is_due(trained, seed % trained.seeds):
            return False
        return source is None or (
            self._source(experiment, seed) is not None
            and (self._again or not self._rows.is_due(source, seed))
        )

    def _source(self, experiment, seed):
        """The row whose structure is taken; for a row that is reproduced, what it has taken."""
        row = self._rows.newest.get((experiment.name, seed)) if self._again else None
        return self._rows.source(experiment, seed, row and row["keras_switcher"])

    def _prepared(self, experiment, seed):
        """The trial, and where its row goes. Its folder is one for all that decides on it."""
        version, given = keras_switcher.__version__, None
        if experiment.structure_of:
            given = self._source(experiment, seed)["structure"]
        decides = digest([experiment.described(), given, version, self._again])
        folder = self._output / slug(experiment.name) / f"seed-{seed}-{decides}"
        structure = decode_structure(given) if given else None
        path = None if self._again else self._rows.path(experiment.name, seed, version)
        return Trial(experiment, seed, folder, structure, self._data_dir), path

    def _finish(self, future, experiment, seed):
        name = f"{experiment.name}, seed {seed}"
        try:
            row = future.result()
        except BrokenProcessPool as error:
            raise SystemExit(
                f"A process ended while '{name}' ran, perhaps for want of memory. Try fewer "
                "--processes; the same command goes on from the last finished epochs."
            ) from error
        except Exception as error:  # Whatever it is, the other trials go on.
            self._failed += 1
            folder = self._output / slug(experiment.name)
            print(f"FAILED {name}: {error!r}; see {LOG} in {folder}", flush=True)
            return
        self._done += 1
        found = f"[{self._done}/{self._total}] {name}: {_shown(row)}"
        if self._again and (beside := self._rows.newest.get((experiment.name, seed))):
            found += f" ({_shown(beside)} in the row of {beside['keras_switcher']})"
        print(f"{found}, {row['seconds']:.0f} s", flush=True)
        self._rows.read()

    def _report_left(self, stopped):
        """Says what was not run; returns how much of it waits for what failed."""
        if self._end < inf and (left := len(self.due) + stopped):
            print(f"Left for another time: {left}. The same command goes on.")
            return 0
        for experiment, seed in self.due:
            source = experiment.structure_of
            print(f"not run: {experiment.name}, seed {seed}: needs '{source}', which is due")
        return len(self.due)


def expected_seconds(rows: StudyRows, by_rows_alone: bool = False) -> dict[str, float]:
    """How long a trial of each experiment takes: the median, as some waited for other processes.

    By an epoch's time of other experiments on the task where there is no row yet, or by what the
    task says of it on two cores; infinite where nothing is known, and for smoke runs.
    """
    known = pd.json_normalize(list(rows.newest.values())).reindex(columns=KNOWN)
    by_name = known.groupby("experiment")["seconds"].median()
    by_epoch = (known["seconds"] / known["epochs"]).groupby(known["settings.task"]).median()
    said = {t: inf if by_rows_alone else of.epoch_seconds or inf for t, of in TASKS.items()}
    of_epoch = said | dict(by_epoch)
    return {
        name: inf if e.settings.smoke else by_name.get(name, of_epoch[e.task] * e.settings.epochs)
        for name, e in rows.experiments.items()
    }


def _in_own_process(function, context):
    """What it returns in a new process: this one never holds an accelerator's memory."""
    with ProcessPoolExecutor(1, context) as process:
        return process.submit(function).result()


def end_with_parent():
    """Ends this process as soon as its parent is gone, however that ended."""
    parent = multiprocessing.parent_process()

    def watch():
        parent.join()  # A pipe whose other end closes with the parent, on every system.
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _shown(row):
    removed = row["weights_removed"]
    return f"{row['accuracy']:.2%}" + (f", {removed:.1%} removed" if removed else "")
