"""Time of the compact networks of a study's rows, as LiteRT files, beside their dense twins.

    python -m recipes.benchmarks.compact --rows recipes/results/benchmarks/compact
    python -m recipes.benchmarks.compact --study milliseconds --seeds 8

Batch 1, one thread; dense and compact networks run in turn in this one process. Of each experiment
the structures of the first seeds are taken, by default of one; how long a network takes depends on
the widths, not on the weights. "share" is the speed-up in time over the reduction of MACs: 1 would
be all of it.
"""

from collections.abc import Iterator

import keras
import numpy as np

import keras_switcher as ks
from recipes import studies
from recipes.benchmarks.harness import run, spread, timed_in_turn
from recipes.benchmarks.latency import interpreter, litert_file
from recipes.networks import TASKS
from recipes.trials.encoding import decode_structure
from recipes.trials.study_rows import StudyRows


def measure(
    study: str = "cifar10", repeats: int = 15, seconds: float = 0.2, seeds: int = 1
) -> Iterator[dict]:
    """A row for each experiment of channels and each of the first seeds that it has a row of."""
    rows = StudyRows(study, studies.experiments(study)).holding()
    for seed in range(seeds):
        found = {name: row for (name, of_seed), row in rows.items() if of_seed == seed}
        yield from _of_seed(found, seed, repeats, seconds)


def _of_seed(found, seed, repeats, seconds):
    for task in {row["settings"]["task"]: None for row in found.values()}:
        of_task = {n: r for n, r in found.items() if _is_measured(r, task)}
        keras.utils.set_random_seed(seed)
        dense = TASKS[task].network()
        models = {"dense": dense, "dense twin": TASKS[task].network()}
        for name, row in of_task.items():
            if row.get("structure"):
                models[name] = ks.prune_channels(dense, decode_structure(row["structure"]))
        macs = {name: ks.count_macs(model).total for name, model in models.items()}
        x = np.random.default_rng(seed).uniform(0, 255, (1, *dense.input_shape[1:]))
        x = x.astype("float32")
        runs = {n: interpreter(litert_file(m, x.shape), x, threads=1) for n, m in models.items()}
        first, _ = timed_in_turn(runs, 1)
        calls = max(1, round(seconds / first["dense"].median()))
        times, _ = timed_in_turn(runs, repeats, calls)
        dense_row = next((n for n, r in of_task.items() if not r.get("structure")), None)
        for name in models:
            named = dense_row or "dense" if name == "dense" else name
            row = {"network": task, "experiment": named, "seed": seed, "macs": macs[name]}
            row["milliseconds"] = 1000 * times[name].median()
            row["macs_ratio"] = macs["dense"] / macs[name]
            row |= spread(times["dense"] / times[name], "time_ratio")
            yield row | {"share": row["time_ratio"] / row["macs_ratio"]}


def _is_measured(row, task):
    of = row["settings"]
    return of["task"] == task and not of["connections"] and not of["validate"]


if __name__ == "__main__":
    run(measure, __doc__)
