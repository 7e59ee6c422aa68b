"""Time of a compact network's inference against the dense one's, beside their MACs.

Half of the channels of every prunable group are removed, drawn at random: the time depends on
how many there are, not on which. Dense and compact network run in turn in this one process. The
row "dense twin" is the dense network against its own copy: what it differs from 1 is noise. Where
keras.applications can build a network with about half of its channels, that is measured too: no
compact network can be expected to make more of its MACs than one that was built small.

    python -m recipes.benchmarks.latency
    python -m recipes.benchmarks.latency --networks MobileNetV2 --batch 1 --execution litert

224x224, batch 8. "share" is the speed-up in time over the reduction of MACs: 1 would be all of it.
A network runs as a `function` (a compiled call of the Keras model), `frozen` (weights become
constants, so that TensorFlow merges normalisation and activation into the convolutions), or as a
`litert` file in its interpreter. Ends with one line of JSON; `--csv` appends the rows.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from statistics import median

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

import keras_switcher as ks
from recipes.networks.backbones import backbone
from recipes.records import append_row, surroundings

# What makes keras.applications build a network with about half of the channels.
NARROW = {"MobileNetV2": {"alpha": 0.5}}


def main(arguments: list[str] | None = None):
    """Runs the benchmark from the command line."""
    options = _parse(arguments)
    rows = [row for network in options.networks for row in _measure(network, options)]
    print(json.dumps(rows))


def _measure(network, options):
    keras.utils.set_random_seed(options.seed)
    dense = backbone(network, options.size, classes=1000)
    models = {
        "dense": dense,
        "dense twin": backbone(network, options.size, classes=1000),
        "compact": ks.prune_channels(dense, _masks(dense, options), round_to=options.round_to),
    }
    if network in NARROW:
        models["built small"] = backbone(network, options.size, classes=1000, **NARROW[network])
    macs = {name: ks.count_macs(model).total for name, model in models.items()}
    x = tf.random.normal((options.batch, options.size, options.size, 3))
    execute = EXECUTIONS[options.execution]
    runs = {name: execute(model, x) for name, model in models.items()}
    times = {name: [] for name in runs}
    for repeat in range(options.repeats + 1):  # The first one traces, and is not counted.
        for name, run in runs.items():
            start = time.perf_counter()
            for _ in range(options.batches):
                run()
            if repeat:
                times[name].append(1000 * (time.perf_counter() - start) / options.batches)
    for name, values in times.items():
        ratios = [d / value for value, d in zip(values, times["dense"], strict=True)]
        reduction = macs["dense"] / macs[name]
        row = {
            "network": network,
            "model": name,
            "batch": options.batch,
            "execution": options.execution,
            "round_to": options.round_to,
            "macs": macs[name],
            "ms_per_batch": round(median(values), 2),
            "macs_ratio": round(reduction, 3),
            "time_ratio": round(median(ratios), 3),
            "time_ratio_min": round(min(ratios), 3),
            "time_ratio_max": round(max(ratios), 3),
            "share": round(median(ratios) / reduction, 3),
        }
        print(
            f"{network:14} {name:11} {row['ms_per_batch']:9.1f} ms, {row['time_ratio']:.2f}x faster"
            f" ({row['time_ratio_min']:.2f}-{row['time_ratio_max']:.2f}) at "
            f"{row['macs_ratio']:.2f}x fewer MACs: share {row['share']:.2f}",
            flush=True,
        )
        if options.csv:
            row = {**row, **surroundings()}
            append_row(options.csv, row, fields=tuple(row))
        yield row


def _as_function(model, x):
    function = tf.function(lambda x: model(x, training=False))
    return lambda: function(x)


def _as_frozen(model, x):
    function = tf.function(lambda x: model(x, training=False)).get_concrete_function(x)
    frozen = convert_variables_to_constants_v2(function)
    return lambda: frozen(x)


def _as_litert(model, x):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        signature = [keras.InputSpec(shape=x.shape, dtype="float32")]
        model.export(path, format="litert", input_signature=signature, verbose=False)
        content = path.read_bytes()
    interpreter = tf.lite.Interpreter(model_content=content, num_threads=os.cpu_count())
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x.numpy())
    return interpreter.invoke


EXECUTIONS = {"function": _as_function, "frozen": _as_frozen, "litert": _as_litert}


def _masks(model, options):
    generator = np.random.default_rng(options.seed)
    groups = [group for group in ks.channel_groups(model) if group.prunable]
    return {g.name: generator.permutation(g.size) >= options.removed * g.size for g in groups}


def _parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m recipes.benchmarks.latency", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--networks", default=["ResNet50", "MobileNetV2"], nargs="+")
    parser.add_argument("--removed", type=float, default=0.5, help="share of the channels")
    parser.add_argument("--round-to", type=int, default=1)
    parser.add_argument("--execution", default="function", choices=EXECUTIONS)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--batches", type=int, default=4, help="batches per repeat")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--csv", type=Path, help="append the rows to this file")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
