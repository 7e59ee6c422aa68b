"""Time per batch of fit, evaluate and predict: each switcher and alternation against dense.

All models of a network run in turn, repeat after repeat, in this one process; a row's ratio is
the median over repeats of its time over the dense network's in the same repeat. On a shared
machine two more ratios are disturbed less: that of the fastest repeats, and `cpu_ratio`, the
median for the CPU time of the process, all threads together. The row "dense twin" is the dense
network against its own copy: what it differs from 1 is noise. Both sides run with the same
`jit_compile`. A first repeat, which compiles, is not counted.

    python -m recipes.benchmarks.step_time
    python -m recipes.benchmarks.step_time --networks mlp --switchers unet_per_layer --repeats 3
    python -m recipes.benchmarks.step_time --networks ResNet50 --jit off --batches 4

Random images (64x64 for the backbones of keras.applications), batch 64, SGD with momentum. Ends
with one line of JSON; `--csv` appends the rows.
"""

import argparse
import json
import time
from functools import partial
from pathlib import Path
from statistics import median

import keras
import numpy as np

import keras_switcher as ks
from keras_switcher.switchers import RowSwitcher, UNetSwitcher
from recipes.networks.backbones import backbone
from recipes.networks.lenet5 import lenet5
from recipes.networks.mlp import mlp
from recipes.records import append_row, surroundings

NETWORKS = {"mlp": (mlp, (784,)), "lenet5": (lenet5, (28, 28, 1))}
BACKBONES = ("ResNet50", "MobileNetV2", "EfficientNetB0", "DenseNet121", "ConvNeXtTiny")
NETWORKS |= {name: (partial(backbone, name), (64, 64, 3)) for name in BACKBONES}
SWITCHERS = {
    "row": (RowSwitcher, False),
    "unet_stacked": (UNetSwitcher, False),
    "unet_per_layer": (partial(UNetSwitcher, stacked=False), False),
    "row_connections": (RowSwitcher, True),
    "unet_connections": (UNetSwitcher, True),
}
BATCH = 64


def main(arguments: list[str] | None = None):
    """Runs the benchmark from the command line."""
    options = _parse(arguments)
    rows = []
    for network in options.networks:
        for jit in options.jit:
            models = _models(network, options, jit == "on")
            for kind in options.kinds:
                rows += _measure(network, jit, kind, models, options)
    print(json.dumps(rows))


def _models(network, options, jit):
    make, _ = NETWORKS[network]
    models = {"dense": make(), "dense twin": make()}
    for switcher in options.switchers:
        for alternation in options.alternations:
            make_switcher, connections = SWITCHERS[switcher]
            models[f"{switcher} {alternation}"] = ks.SwitcherModel(
                make(), make_switcher(), alternation=alternation, connections=connections
            )
    for model in models.values():
        model.compile(
            keras.optimizers.SGD(0.01, momentum=0.9),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
            jit_compile=jit,
        )
    return models


def _measure(network, jit, kind, models, options):
    generator = np.random.default_rng(options.seed)
    data = _data(network, options.batches, generator)
    times = {name: [] for name in models}
    cpu_times = {name: [] for name in models}
    batches = options.batches
    for repeat in range(options.repeats + 1):
        for name, model in models.items():
            start, cpu_start = time.perf_counter(), time.process_time()
            _run(kind, model, *data)
            seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
            if repeat:
                times[name].append(1000 * seconds / batches)
                cpu_times[name].append(cpu_seconds)
    rows = []
    for name, values in times.items():
        ratios = _ratios(values, times["dense"])
        row = {
            "network": network,
            "jit_compile": jit,
            "kind": kind,
            "model": name,
            "ms_per_batch": round(median(values), 3),
            "ratio": round(median(ratios), 3),
            "ratio_min": round(min(ratios), 3),
            "ratio_max": round(max(ratios), 3),
            "ratio_of_fastest": round(min(values) / min(times["dense"]), 3),
            "cpu_ratio": round(median(_ratios(cpu_times[name], cpu_times["dense"])), 3),
            "repeats": options.repeats,
            "batches": batches,
        }
        print(
            f"{network:14} jit {jit:4} {kind:9} {name:22} {row['ms_per_batch']:9.3f} ms "
            f"{row['ratio']:7.3f}x  ({row['ratio_min']:.3f}-{row['ratio_max']:.3f}) "
            f"fastest {row['ratio_of_fastest']:.3f}x, CPU {row['cpu_ratio']:.3f}x",
            flush=True,
        )
        if options.csv:
            row = {**row, **surroundings()}
            append_row(options.csv, row, fields=tuple(row))
        rows.append(row)
    return rows


def _ratios(values, dense):
    return [value / of_dense for value, of_dense in zip(values, dense, strict=True)]


def _data(network, batches, generator):
    _, shape = NETWORKS[network]
    x = generator.random((batches * BATCH, *shape), dtype="float32")
    return x, generator.integers(0, 10, len(x))


def _run(kind, model, x, y):
    if kind == "fit":
        model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0)
    elif kind == "evaluate":
        model.evaluate(x, y, batch_size=BATCH, verbose=0)
    else:
        model.predict(x, batch_size=BATCH, verbose=0)


def _parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m recipes.benchmarks.step_time", description=__doc__.splitlines()[0]
    )
    several = {"nargs": "+"}
    parser.add_argument("--networks", default=["mlp", "lenet5"], choices=NETWORKS, **several)
    parser.add_argument("--switchers", default=["row"], choices=SWITCHERS, **several)
    alternations = ("batch", "joint", "task", "switcher")
    parser.add_argument(
        "--alternations", default=["batch", "joint"], choices=alternations, **several
    )
    kinds = ("fit", "evaluate", "predict")
    parser.add_argument("--kinds", default=kinds, choices=kinds, **several)
    parser.add_argument("--jit", default=("on", "off"), choices=("on", "off"), **several)
    parser.add_argument("--batches", type=int, default=1000, help="batches per repeat")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--csv", type=Path, help="append the rows to this file")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
