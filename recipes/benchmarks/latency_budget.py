"""What a budget in milliseconds promises, beside what the pruned network's file then takes.

The layers of a network are timed on this machine (`ks.latency.measure`). It is pruned to a share of
its milliseconds, to widths that are multiples of what the table says, and its LiteRT file runs in
turn with the dense one, on one thread. Beside it, the same criterion prunes the network to that
share of its MACs.

    python -m recipes.benchmarks.latency_budget
    python -m recipes.benchmarks.latency_budget --networks MobileNetV2 --keep 0.5 --size 224

"predicted_ms" is what the table tells for the pruned network, "ms" what it takes, and "share" that
over the dense network's, with the least and the largest of all rounds: "asked" is what the budget
was. Weights are random, since they change nothing about the time. Run it on a machine that does
nothing else. Needs the extra `litert`.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import keras

import keras_switcher as ks
from keras_switcher.latency.timing import RUNS, calls_within, running
from recipes.benchmarks.harness import run, spread, timed_in_turn

# The least time that a network runs before it is the next one's turn.
SECONDS = 0.02


def measure(
    networks: tuple = ("MobileNetV2", "ResNet50"),
    keep: tuple = (0.75, 0.5, 0.25),
    criterion: str = "group_norm_l1",
    size: int = 96,
    format: str = "litert",
    threads: int = 1,
    repeats: int = 15,
    seed: int = 0,
    cache: str = "",
) -> Iterator[dict]:
    """A row for each network, budget and share; `cache` is a file that keeps the layers' times."""
    for network in networks:
        keras.utils.set_random_seed(seed)
        make = getattr(keras.applications, network)
        dense = make(weights=None, input_shape=(size, size, 3), classes=10)
        table = ks.latency.measure(dense, format, threads, cache=cache or None)
        for share in keep:
            budgets = {
                "latency": ks.Budget(share, of="latency", table=table),
                "macs": ks.Budget(share, of="macs"),
            }
            models = {
                of: ks.prune(dense, budget, criterion, round_to=table.round_to)
                for of, budget in budgets.items()
            }
            times = _times({"dense": dense, **models}, format, threads, repeats)
            for of, model in models.items():
                row = {"network": network, "size": size, "budget": of, "asked": share}
                row["predicted_ms"] = table.milliseconds(model, pruned_from=dense)
                row["ms"] = 1000 * times[of].median()
                row["dense_ms"] = 1000 * times["dense"].median()
                row["round_to"] = table.round_to
                row |= spread(times[of] / times["dense"], "share")
                row["macs_left"] = ks.count_macs(model).total / ks.count_macs(dense).total
                yield row | {"format": format, "threads": threads, "criterion": criterion}


def _times(models, format, threads, repeats):
    """Seconds of a run of each network's file, in turn: a row a repeat, a column a network."""
    with ExitStack() as files:
        runs = {
            name: files.enter_context(running(model, format, threads, 1))
            for name, model in models.items()
        }
        calls = max(calls_within(run, SECONDS) for run in runs.values())
        return timed_in_turn(runs, repeats, calls)[0]


if __name__ == "__main__":
    run(measure, __doc__, choices={"format": RUNS})
