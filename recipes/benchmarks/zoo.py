"""All 40 models of keras.applications: what can be pruned, how exactly, how fast, what is left.

For each model: which share of its producing layers belongs to a prunable group; how long reading,
planning and compacting take against building it (the best of four runs in turn); MACs by this
package against TensorFlow's profiler; MACs and weights left without 50 % of the channels of every
prunable group; and the worst difference between the outputs of the gated and the compact model,
relative to the largest output, over shares of removed channels and seeds. All but the last use
the model's own image size; the differences are taken on the smallest images that it accepts.
Always 1000 classes, and weights and normalisation statistics that are random.

    python -m recipes.benchmarks.zoo
    python -m recipes.benchmarks.zoo --models ResNet50 MobileNetV2 --seeds 1 --removed 0.5

Each model has a process of its own for either part, `structure` (all but the differences) and
`exactness`. What the CSV files, `zoo.csv` and `zoo_exactness.csv`, know already is not run again;
the table and the bars at the end are of all models in them.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.planning import plan_removal
from keras_switcher.pruning.surgery import compact
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

REPEATS = 4


def main(arguments: list[str] | None = None):
    """Runs the benchmark from the command line."""
    options = _parse(arguments)
    if options.child:
        PARTS[options.parts[0]](options.child, options)
        return
    failed = []
    for part in options.parts:
        for name in options.models:
            if name not in {row["model"] for row in read_rows(_path(part, options))}:
                command = [sys.executable, "-m", "recipes.benchmarks.zoo", "--child", name]
                command += ["--parts", part, "--folder", str(options.folder)]
                command += ["--seeds", str(options.seeds)]
                command += ["--removed", *map(str, options.removed)]
                if subprocess.run(command, check=False).returncode:
                    failed.append(f"{part} of {name}")
    rows = {part: read_rows(_path(part, options)) for part in PARTS}
    print_table(rows["structure"], rows["exactness"])
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}")


def _path(part, options):
    return options.folder / ("zoo.csv" if part == "structure" else f"zoo_{part}.csv")


def _write(part, name, measured, options):
    row = {
        "model": name,
        "family": family_of(name),
        **measured,
        **surroundings(),
        "command": f"python -m recipes.benchmarks.zoo --models {name} --parts {part} "
        f"--seeds {options.seeds} --removed {' '.join(map(str, options.removed))}",
    }
    append_row(_path(part, options), row, fields=tuple(row))


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
    _compact(ChannelGraph(model))


def _structure(name, options):
    _warm_up()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        model = build(name)
        built = time.perf_counter()
        channel_graph = ChannelGraph(model)
        read = time.perf_counter()
        small = _compact(channel_graph)
        seconds.append((built - start, read - built, time.perf_counter() - read))
    building, reading, compacting = (min(column) for column in zip(*seconds, strict=True))
    producers = producing_layers(channel_graph)
    left = ChannelGraph(small)
    macs, profiled = counted_macs(channel_graph), profiled_macs(model)
    grouped = macs.pop(GROUPED, 0)  # Of these the profiler knows nothing.
    total = macs.total() + grouped
    reasons = sorted({group.reason for group in channel_graph.groups if group.reason})
    row = {
        "size": model.input.shape[1],
        "layers": len(channel_graph.graph.calls),
        "groups": len(channel_graph.groups),
        "prunable_groups": sum(group.prunable for group in channel_graph.groups),
        "producers": len(producers),
        "prunable_producers": sum(is_prunable(channel_graph, layer) for layer in producers),
        "build_seconds": round(building, 3),
        "read_seconds": round(reading, 3),
        "compact_seconds": round(compacting, 3),
        "time_ratio": round((reading + compacting) / building, 3),
        "macs": total,
        "macs_grouped": grouped,
        "macs_tensorflow": profiled.total(),
        "macs_equal": macs == profiled,
        "macs_left": round(_cost(left, "macs") / total, 4),
        "weights_left": round(_cost(left, "weights") / _cost(channel_graph, "weights"), 4),
        "reasons": "; ".join(reasons),
    }
    _write("structure", name, row, options)
    print(
        f"{name:18} {row['prunable_producers']:4}/{row['producers']:4} producers, "
        f"{row['time_ratio']:5.2f}x build, MACs left {row['macs_left']:.1%}, "
        f"MACs {'as' if row['macs_equal'] else 'NOT as'} TensorFlow's",
        flush=True,
    )


def _compact(channel_graph):
    factors = draw_factors(channel_graph, 0.5, np.random.default_rng(0))
    return compact(channel_graph, plan_removal(channel_graph, factors))


def _cost(channel_graph, of):
    return sum(kernel.cost(of) for kernel in channel_graph.kernels)


def _exactness(name, options):
    gates = Gates(build(name, size=smallest_size(name)))
    rows = []
    for removed in options.removed:
        comparisons = [gates.compare(removed, seed) for seed in range(options.seeds)]
        spreads = [comparison.spread for comparison in comparisons]
        row = {
            "size": smallest_size(name),
            "removed": removed,
            "seeds": options.seeds,
            "max_relative_difference": f"{max(c.difference for c in comparisons):.2e}",
            "smallest_spread": round(min(spreads), 3),
            "largest_spread": round(max(spreads), 3),
        }
        rows.append(row)
        print(
            f"{name:18} {removed:4.0%} removed: difference {row['max_relative_difference']}, "
            f"spread {row['smallest_spread']} to {row['largest_spread']}",
            flush=True,
        )
    for row in rows:  # All or none: a model that is in the file is not run again.
        _write("exactness", name, row, options)


PARTS = {"structure": _structure, "exactness": _exactness}


def _parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m recipes.benchmarks.zoo", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--models", nargs="+", default=NAMES, choices=NAMES, metavar="MODEL")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--removed", nargs="+", type=float, default=[0.3, 0.5, 0.8])
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=PARTS)
    default = Path(__file__).parent.parent / "results"
    parser.add_argument("--folder", type=Path, default=default, help="where the CSV files are")
    parser.add_argument("--child", choices=NAMES, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
