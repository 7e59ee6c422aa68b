"""Peak memory of a training process: a switched network against the dense one.

Each model is trained for a few batches in a process of its own, several times in turn; a row has
the median of the peaks. Peaks of one and the same model differ by a tenth: the more often two large
operations run at once and the more holes the heap has, the higher they are.

    python -m recipes.benchmarks.memory
    python -m recipes.benchmarks.memory --networks ResNet50 --switcher row --repeats 1

64x64, batch 64, all groups gated. Ends with one line of JSON; `--csv` appends the rows.
"""

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path
from statistics import median

import keras
import numpy as np

import keras_switcher as ks
from recipes.benchmarks.step_time import BACKBONES
from recipes.networks.backbones import backbone
from recipes.records import append_row, surroundings

KINDS = ("dense", "joint", "batch")


def main(arguments: list[str] | None = None):
    """Runs the benchmark from the command line."""
    options = _parse(arguments)
    if options.only:
        print(_peak(options.networks[0], options.only, options))
        return
    rows = []
    for network in options.networks:
        peaks = {kind: [] for kind in KINDS}
        for _ in range(options.repeats):
            for kind in KINDS:
                peaks[kind].append(_peak_of_process(network, kind, options))
        for kind, found in peaks.items():
            row = {
                "network": network,
                "model": kind,
                "switcher": options.switcher,
                "peak_mib": round(median(found)),
                "ratio": round(median(found) / median(peaks["dense"]), 3),
                "least_mib": round(min(found)),
                "most_mib": round(max(found)),
                "repeats": options.repeats,
            }
            print(
                f"{network:14} {kind:6} {row['peak_mib']:6} MiB {row['ratio']:.3f}x "
                f"({row['least_mib']}-{row['most_mib']})",
                flush=True,
            )
            if options.csv:
                row = {**row, **surroundings()}
                append_row(options.csv, row, fields=tuple(row))
            rows.append(row)
    print(json.dumps(rows))


def _peak_of_process(network, kind, options):
    command = [sys.executable, "-m", "recipes.benchmarks.memory", "--networks", network]
    command += ["--only", kind, "--switcher", options.switcher, "--batches", str(options.batches)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(output.splitlines()[-1])


def _peak(network, kind, options):
    model = backbone(network)
    if kind != "dense":
        model = ks.SwitcherModel(model, options.switcher, alternation=kind)
    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    generator = np.random.default_rng(0)
    x = generator.random((64 * options.batches, 64, 64, 3), dtype="float32")
    model.fit(x, generator.integers(0, 10, len(x)), batch_size=64, verbose=0)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m recipes.benchmarks.memory", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--networks", default=list(BACKBONES), nargs="+")
    parser.add_argument("--switcher", default="row")
    parser.add_argument("--batches", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3, help="processes per model")
    parser.add_argument("--only", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--csv", type=Path, help="append the rows to this file")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
