"""Where the time of a U-Net switcher goes: its 3x3 convolutions alone against all of it.

For each dense layer of the MLP: one U-Net, forward and both gradients (to its own weights and to
the matrix that it reads), against the same with nothing but the convolutions of its encoder.

    python -m recipes.benchmarks.unet_parts

Without XLA, as U-Nets are trained. Ends with one line of JSON; `--csv` appends the rows.
"""

import argparse
import json
import time
from pathlib import Path
from statistics import median

import tensorflow as tf
from keras import ops

from keras_switcher.switchers.unet_network import UNet
from recipes.records import append_row, surroundings

SHAPES = ((784, 300), (300, 100), (100, 10))


def main(arguments: list[str] | None = None):
    """Runs the benchmark from the command line."""
    options = _parse(arguments)
    rows = []
    for shape in SHAPES:
        network = UNet()
        network.build((*shape, 1))
        images = _images(network, shape)
        kernels = [kernel for kernel, _ in network.encoder]
        matrix = tf.random.normal((*shape, 1))
        parts = {
            "whole": _gradients(lambda m, n=network: n(m), [matrix], network.trainable_variables),
            "convolutions": _gradients(
                lambda *x, k=kernels: [_convolved(a, b.value) for a, b in zip(x, k, strict=True)],
                images,
                kernels,
            ),
        }
        row = {"matrix": f"{shape[0]}x{shape[1]}", "levels": len(kernels) - 1}
        row |= {f"{name}_ms": round(value, 2) for name, value in _times(parts, options).items()}
        print(row, flush=True)
        if options.csv:
            row = {**row, **surroundings()}
            append_row(options.csv, row, fields=tuple(row))
        rows.append(row)
    print(json.dumps(rows))


def _images(network, shape):
    """Random images of the sizes that the convolutions of the encoder read."""
    rows, columns, channels = shape[0] + network.padding, shape[1], 1
    images = []
    for level, (kernel, _) in enumerate(network.encoder):
        images.append(tf.random.normal((1, rows, columns, channels)))
        channels = kernel.shape[-1]
        if level < len(network.pools):
            rows, columns = rows // network.pools[level][0], columns // network.pools[level][1]
    return images


def _convolved(image, kernel):
    return ops.conv(image, kernel, padding="same", data_format="channels_last")


def _gradients(function, inputs, variables):
    @tf.function
    def run():
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            values = function(*inputs)
        return tape.gradient(values, [*inputs, *[v.value for v in variables]])

    return run


def _times(parts, options):
    times = {name: [] for name in parts}
    for repeat in range(options.repeats + 1):  # The first one traces, and is not counted.
        for name, run in parts.items():
            start = time.perf_counter()
            for _ in range(options.runs):
                run()
            if repeat:
                times[name].append(1000 * (time.perf_counter() - start) / options.runs)
    return {name: median(values) for name, values in times.items()}


def _parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m recipes.benchmarks.unet_parts", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--runs", type=int, default=20, help="runs per repeat")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--csv", type=Path, help="append the rows to this file")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
