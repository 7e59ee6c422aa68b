"""All 40 models of keras.applications: what can be pruned, how exactly, how fast, what is left.

For each model: which share of its producing layers belongs to a prunable group; how long reading,
planning and compacting take against building it; MACs by this package against TensorFlow's
profiler; MACs and weights left without 50 % of the channels of every prunable group; and the
worst difference between the outputs of the gated and the compact model, relative to the largest
output, over shares of removed channels and seeds. All but the last use the model's own image
size; the differences are taken on the smallest images that it accepts. Always 1000 classes.

    python -m recipes.benchmarks.zoo
    python -m recipes.benchmarks.zoo --models ResNet50 MobileNetV2 --seeds 1 --removed 0.5

Each model has a process of its own. A model that the CSV file knows already is not run again;
the table and the bars at the end are of all models in the file.
"""

import argparse
import gc
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np

from keras_switcher.graph.anatomy import Anatomy
from keras_switcher.graph.compaction import compact
from keras_switcher.graph.plan import PruningPlan
from recipes.benchmarks.zoo_counting import GROUPED, counted_macs, profiled_macs
from recipes.benchmarks.zoo_exactness import Gates, draw_factors
from recipes.benchmarks.zoo_models import (
    NAMES,
    build,
    family_of,
    is_prunable,
    producing_layers,
    smallest_size,
)
from recipes.benchmarks.zoo_table import print_table, read_rows
from recipes.records import append_row, surroundings


def main(arguments: list[str] | None = None):
    """Runs the benchmark from the command line."""
    options = _parse(arguments)
    if options.child:
        _measure(options.child, options)
        return
    known = {row["model"] for row in read_rows(options.csv)}
    failed = []
    for name in options.models:
        if name not in known:
            command = [sys.executable, "-m", "recipes.benchmarks.zoo", "--child", name]
            command += ["--seeds", str(options.seeds), "--csv", str(options.csv)]
            command += ["--removed", *map(str, options.removed)]
            if subprocess.run(command, check=False).returncode:
                failed.append(name)
    print_table(read_rows(options.csv))
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}")


def _measure(name, options):
    _warm_up()
    row = {
        "model": name,
        "family": family_of(name),
        **_structure(name),
        **_exactness(name, options),
        **surroundings(),
        "command": f"python -m recipes.benchmarks.zoo --models {name} --seeds {options.seeds} "
        f"--removed {' '.join(map(str, options.removed))}",
    }
    append_row(options.csv, row, fields=tuple(row))
    print(
        f"{name:18} {row['prunable_producers']:4}/{row['producers']:4} producers, "
        f"{row['time_ratio']:.2f}x build, MACs left {row['macs_left']:.1%}, "
        f"difference {row['max_relative_difference']:.1e}, "
        f"MACs {'as' if row['macs_equal'] else 'NOT as'} TensorFlow's",
        flush=True,
    )


def _warm_up():
    """What the first model of a process pays for, whichever it is."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3),
            keras.layers.BatchNormalization(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )
    _compact(Anatomy(model))


def _structure(name):
    start = time.perf_counter()
    model = build(name)
    built = time.perf_counter()
    anatomy = Anatomy(model)
    read = time.perf_counter()
    small = _compact(anatomy)
    end = time.perf_counter()
    producers = producing_layers(anatomy)
    left = Anatomy(small)
    macs, profiled = counted_macs(anatomy), profiled_macs(model)
    reasons = sorted({group.reason for group in anatomy.groups if group.reason})
    return {
        "size": model.input.shape[1],
        "layers": len(anatomy.graph.calls),
        "groups": len(anatomy.groups),
        "prunable_groups": sum(group.prunable for group in anatomy.groups),
        "producers": len(producers),
        "prunable_producers": sum(is_prunable(anatomy, layer) for layer in producers),
        "build_seconds": round(built - start, 3),
        "read_seconds": round(read - built, 3),
        "compact_seconds": round(end - read, 3),
        "time_ratio": round((end - built) / (built - start), 3),
        "macs": macs.total(),
        "macs_grouped": macs[GROUPED],
        "macs_tensorflow": profiled.total(),
        "macs_equal": +profiled == +(macs - {GROUPED: macs[GROUPED]}),
        "macs_left": round(_cost(left, "macs") / macs.total(), 4),
        "weights_left": round(_cost(left, "weights") / _cost(anatomy, "weights"), 4),
        "reasons": "; ".join(reasons),
    }


def _compact(anatomy):
    factors = draw_factors(anatomy, 0.5, np.random.default_rng(0))
    return compact(anatomy, PruningPlan.from_factors(anatomy, factors))


def _cost(anatomy, of):
    return sum(kernel.cost(of) for kernel in anatomy.kernels)


def _exactness(name, options):
    keras.backend.clear_session()
    gc.collect()
    gates = Gates(build(name, size=smallest_size(name)))
    differences, spreads = [], []
    for seed in range(options.seeds):
        for removed in options.removed:
            comparison = gates.compare(removed, seed)
            differences.append(comparison.difference)
            spreads.append(comparison.spread)
    return {
        "small_size": smallest_size(name),
        "seeds": options.seeds,
        "removed": " ".join(map(str, options.removed)),
        "max_relative_difference": f"{max(differences):.2e}",
        "smallest_spread": round(min(spreads), 3),
        "largest_spread": round(max(spreads), 3),
    }


def _parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m recipes.benchmarks.zoo", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--models", nargs="+", default=NAMES, choices=NAMES, metavar="MODEL")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--removed", nargs="+", type=float, default=[0.3, 0.5, 0.8])
    default = Path(__file__).parent.parent / "results" / "zoo.csv"
    parser.add_argument("--csv", type=Path, default=default, help="rows are kept in this file")
    parser.add_argument("--child", choices=NAMES, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
