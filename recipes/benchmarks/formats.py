"""Exported files of 14 families of keras.applications: size, difference and time, format by format.

The first network of each family, with random weights and logits for 10 classes, and the compact one
without half of the channels of every prunable group, drawn at random. Both are exported as
SavedModel, LiteRT, ONNX and OpenVINO, and run by the runtime of each: TensorFlow, LiteRT (one
thread), ONNX Runtime and OpenVINO in float32, on the processor. "difference" is the largest
difference between a file's outputs and those of the dense or the gated network, relative to the
largest output; what differs by more than 1e-4 is not written, and the row says why. Dense and
compact file run in turn: "time_ratio" is how many times as fast the compact one is, the median,
least and largest of all repeats. Each network has a process, and a row of its own in a file;
networks that have one are skipped. It needs the extras `onnx`, `litert` and `openvino`.

    python -m recipes.benchmarks.formats
    python -m recipes.benchmarks.formats --only VGG16 ConvNeXtTiny --formats onnx --repeats 0
    python -m recipes.benchmarks.formats --rows recipes/results/benchmarks/formats
"""

import tempfile
import time
from pathlib import Path

import numpy as np

import keras_switcher as ks
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.export import Reference
from keras_switcher.pruning.planning import plan_removal
from keras_switcher.pruning.surgery import compact
from recipes.benchmarks.exactness import (
    draw_factors,
    draw_inputs,
    kernels_scaled,
    settling,
    with_random_weights,
)
from recipes.benchmarks.harness import run_each, spread, timed_in_turn
from recipes.networks.backbones import FAMILIES, backbone

NAMES = tuple(names[0] for names in FAMILIES.values())
SUFFIXES = {"tf_saved_model": "", "litert": ".tflite", "onnx": ".onnx", "openvino": ".xml"}
FORMATS = tuple(SUFFIXES)
RUNTIMES = ("ai-edge-litert", "onnxruntime", "openvino")
BATCHES = (1, 8)
SECONDS = 0.5  # Of each file in each repeat, at least.


def measure(
    name: str, formats: tuple = FORMATS, size: int = 96, repeats: int = 5, seed: int = 0
) -> dict:
    """The row of a network; no times where `repeats` is 0."""
    rng = np.random.default_rng(seed)
    dense = backbone(name, size, classes=10)
    with_random_weights(dense, rng)
    channel_graph = ChannelGraph(dense)
    factors = draw_factors(channel_graph, 0.5, rng)
    with kernels_scaled(channel_graph, factors), settling(rng):
        dense(draw_inputs(dense, rng), training=False)
    small = compact(channel_graph, plan_removal(channel_graph, factors), factors)
    models = {
        "dense": (dense, Reference(channel_graph, {})),
        "compact": (small, Reference(channel_graph, factors)),
    }
    row = {"network": name, "size": size, "seed": seed}
    row["macs_ratio"] = ks.count_macs(dense).total / ks.count_macs(small).total
    row["parameters_left"] = small.count_params() / dense.count_params()
    for format in formats:
        row |= {f"{format}_{key}": value for key, value in _exported(models, format, repeats)}
    return row


def _exported(models, format, repeats):
    """Fields of a format, without its name."""
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for kind, (model, reference) in models.items():
            path = Path(folder) / f"{kind}{SUFFIXES[format]}"
            try:
                report = ks.export_model(model, path, format, reference=reference)
            except Exception as error:  # The row says what failed.
                yield f"{kind}_fault", f"{type(error).__name__}: {str(error).splitlines()[0][:300]}"
                continue
            yield f"{kind}_bytes", report.size
            yield f"{kind}_difference", report.difference
            files[kind] = ks.ExportedModel(path)
        if repeats and len(files) == len(models):
            for batch in BATCHES:
                yield from _timed(files, models["dense"][0], batch, repeats)


def _timed(files, model, batch, repeats):
    x = draw_inputs(model, np.random.default_rng(0), batch)
    runs = {kind: lambda file=file: file(x) for kind, file in files.items()}
    start = time.perf_counter()
    for run in (*runs.values(), *runs.values()):  # The first ones prepare memory, or compile.
        run()
    calls = max(1, round(SECONDS / ((time.perf_counter() - start) / 2 / len(runs))))
    times, _ = timed_in_turn(runs, repeats, calls)
    for kind in runs:
        yield f"{kind}_ms_{batch}", 1000 * times[kind].median()
    yield from spread(times["dense"] / times["compact"], f"time_ratio_{batch}").items()


if __name__ == "__main__":
    run_each(measure, __doc__, NAMES, {"formats": FORMATS}, packages=RUNTIMES)
