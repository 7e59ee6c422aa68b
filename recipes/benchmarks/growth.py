"""How reading, planning and compacting grow with the depth of a network.

A residual network of 8 to 128 blocks of five layers; the best of several runs in turn.

    python -m recipes.benchmarks.growth

Ends with the exponent of time over layers, 1 being linear; `--csv` appends a row per depth.
"""

import argparse
import time
from pathlib import Path

import keras
import numpy as np
from keras import layers

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.planning import plan_removal
from keras_switcher.pruning.surgery import compact
from recipes.benchmarks.zoo_exactness import draw_factors
from recipes.records import append_row, surroundings

BLOCKS = (8, 16, 32, 64, 128)


def main(arguments: list[str] | None = None):
    """Runs the benchmark from the command line."""
    options = _parse(arguments)
    models = [_network(blocks) for blocks in options.blocks]
    _seconds(models[0])  # What the first of a process pays for, whichever it is.
    runs = [[_seconds(model) for model in models] for _ in range(options.repeats)]
    counts = [len(model.layers) for model in models]
    seconds = np.min(runs, axis=0)
    for blocks, count, taken in zip(options.blocks, counts, seconds, strict=True):
        row = {"blocks": blocks, "layers": count, "seconds": round(taken, 3)}
        row["milliseconds_per_layer"] = round(1000 * taken / count, 3)
        print(f"{count:5} layers {taken:7.3f} s, {row['milliseconds_per_layer']:.2f} ms per layer")
        if options.csv:
            row = {**row, **surroundings()}
            append_row(options.csv, row, fields=tuple(row))
    exponent = np.polyfit(np.log(counts), np.log(seconds), 1)[0]
    print(f"time grows as layers to the power of {exponent:.2f}")


def _network(blocks):
    inputs = x = keras.Input((8, 8, 16))
    for _ in range(blocks):
        branch = layers.Conv2D(16, 3, padding="same", use_bias=False)(x)
        branch = layers.BatchNormalization()(branch)
        branch = layers.ReLU()(branch)
        x = layers.Add()([x, layers.Conv2D(16, 3, padding="same", use_bias=False)(branch)])
    return keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


def _seconds(model):
    start = time.perf_counter()
    channel_graph = ChannelGraph(model)
    factors = draw_factors(channel_graph, 0.5, np.random.default_rng(0))
    compact(channel_graph, plan_removal(channel_graph, factors))
    return time.perf_counter() - start


def _parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m recipes.benchmarks.growth", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--blocks", type=int, nargs="+", default=BLOCKS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--csv", type=Path, help="append the rows to this file")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
