"""Runs the trials of a study in parallel processes and writes each row down when it is there."""

import multiprocessing
import os
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from recipes.evidence.experiment import Experiment
from recipes.evidence.ledger import Ledger
from recipes.evidence.trials import LOG, forget, run_trial
from recipes.evidence.versions import is_due_again

# A worker starts anew after so many trials: TensorFlow keeps what it has compiled.
TRIALS_PER_PROCESS = 12


class Runner:
    """What is still to be done of a study.

    Args:
        experiments: The study's `Experiment`s.
        ledger: The `Ledger` of its rows.
        folder: Where trials that run keep their checkpoints.
        data_dir: TFDS data directory.
        command: The study's command, to which the options of a single trial are added.
        again: Run what has rows too, and show the result beside the newest row instead of writing
            it.

    Attributes:
        due: Pairs of experiments and seeds.
    """

    def __init__(
        self,
        experiments: list[Experiment],
        ledger: Ledger,
        folder: Path,
        data_dir: Path | None,
        command: str,
        again: bool = False,
    ):
        self._ledger = ledger
        self._folder = folder
        self._data_dir = data_dir
        self._command = command
        self._again = again
        self._experiments = {experiment.name: experiment for experiment in experiments}
        # Seed by seed: when it is stopped early, every experiment has some.
        self.due = [
            (experiment, seed)
            for seed in range(max((e.seeds for e in experiments), default=0))
            for experiment in experiments
            if seed < experiment.seeds and (again or self._is_due(experiment, seed))
        ]

    def choose(self, names: list[str] | None, seeds: list[int] | None):
        """Leaves out what is due of other experiments or seeds; None is all of them."""
        self.due = [
            (experiment, seed)
            for experiment, seed in self.due
            if (names is None or experiment.name in names) and (seeds is None or seed in seeds)
        ]

    @property
    def due_again(self) -> int:
        """How much of what is due has rows of an older version, with other defaults."""
        rows = self._ledger.rows
        return sum((e.name, seed) in rows and self._is_due(e, seed) for e, seed in self.due)

    def run(self, processes: int) -> int:
        """Runs all that is due.

        Args:
            processes: Number of processes, each of which computes with one thread.

        Returns:
            The number of trials that failed.
        """
        os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
        self._total, self._failed, self._started = len(self.due), 0, time.perf_counter()
        self._done = 0
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(
            processes, mp_context=context, max_tasks_per_child=TRIALS_PER_PROCESS
        )
        running: dict[Future, tuple] = {}
        try:
            while self.due or running:
                while len(running) < processes and (trial := self._next()):
                    running[self._submit(pool, *trial)] = trial
                if not running:
                    break  # What is left waits for trials that failed.
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    self._finish(future, *running.pop(future))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise
        pool.shutdown()
        for experiment, seed in self.due:
            source = experiment.structure_of
            print(f"not run: {experiment.name}, seed {seed}: needs '{source}', which is due")
        return self._failed + len(self.due)

    def _next(self):
        """The next trial whose structure is known, if it takes one."""
        for index, (experiment, seed) in enumerate(self.due):
            if experiment.structure_of is None or self._has_source(experiment, seed):
                return self.due.pop(index)
        return None

    def _has_source(self, experiment, seed):
        """Whether there is a structure to take; what is run again takes that of an older row."""
        source = self._experiments[experiment.structure_of]
        has_row = (source.name, seed) in self._ledger.rows
        return has_row and (self._again or not self._is_due(source, seed))

    def _is_due(self, experiment, seed):
        row, by_version = self._ledger.rows.get((experiment.name, seed)), self._ledger.by_version
        return row is None or is_due_again(row, experiment, self._experiments, by_version)

    def _submit(self, pool, experiment, seed):
        source = experiment.structure_of
        structure = self._ledger.rows[source, seed]["structure"] if source else None
        folder = self._of(experiment, seed)
        return pool.submit(run_trial, experiment, seed, structure, folder, self._data_dir)

    def _finish(self, future, experiment, seed):
        name = f"{experiment.name}, seed {seed}"
        folder = self._of(experiment, seed)
        try:
            row = future.result()
        except BrokenProcessPool as error:
            raise SystemExit(
                f"A process ended while '{name}' ran, perhaps for want of memory. Try fewer "
                "--processes; the same command goes on from the last finished epochs."
            ) from error
        except Exception as error:  # Whatever it is, the other trials go on.
            self._failed += 1
            print(f"FAILED {name}: {error!r}; see {folder / LOG}", flush=True)
            return
        if not self._again:
            self._write(name, row, experiment, seed, folder)
        forget(folder)
        self._done += 1
        self._report(name, row, self._ledger.rows.get((experiment.name, seed)))

    def _write(self, name, row, experiment, seed, folder):
        command = f'{self._command} --only "{experiment.name}" --seeds {seed}'
        try:
            self._ledger.append({**row, "command": command})
        except OSError as error:
            raise SystemExit(
                f"The row of '{name}' could not be written: {error}. Its result stays in {folder}; "
                "make room, and the same command writes it down."
            ) from error

    def _report(self, name, row, written):
        passed = time.perf_counter() - self._started
        left = passed / self._done * (self._total - self._done - self._failed) / 60
        beside = f" ({_shown(written)} in the row)" if self._again and written else ""
        print(
            f"[{self._done}/{self._total}] {name}: {_shown(row)}{beside}, "
            f"{row['seconds']:.0f} s; about {left:.0f} min left",
            flush=True,
        )

    def _of(self, experiment, seed):
        return self._folder / f"{experiment.name}-{seed}".replace("/", "_").replace(" ", "_")


def _shown(row):
    accuracy, removed = float(row["accuracy"]), float(row["weights_removed"])
    return f"{accuracy:.2%}" + (f", {removed:.1%} removed" if removed else "")
