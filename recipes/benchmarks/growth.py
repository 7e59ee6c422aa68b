"""Time to read, plan and compact residual networks of more and more layers.

A residual network of 8 to 128 blocks of five layers; the best of several runs in turn. `power` is
the exponent of time over layers since the network before, 1 being linear.

    python -m recipes.benchmarks.growth
"""

from collections.abc import Iterator
from math import log

import keras
import numpy as np
from keras import layers

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.planning import plan_removal
from keras_switcher.pruning.surgery import compact
from recipes.benchmarks.harness import run, timed_in_turn
from recipes.benchmarks.zoo_exactness import draw_factors


def measure(blocks: tuple = (8, 16, 32, 64, 128), repeats: int = 3) -> Iterator[dict]:
    """A row for each number of blocks."""
    models = {number: _network(number) for number in blocks}
    runs = {n: lambda model=model: compacted(ChannelGraph(model)) for n, model in models.items()}
    times, before = timed_in_turn(runs, repeats), None
    for number, model in models.items():
        count, taken = len(model.layers), min(times.passed[number])
        row = {"blocks": number, "layers": count, "seconds": round(taken / 1000, 3)}
        row["milliseconds_per_layer"] = round(taken / count, 3)
        if before:
            row["power"] = round(log(taken / before[1]) / log(count / before[0]), 2)
        before = count, taken
        yield row


def compacted(channel_graph: ChannelGraph) -> keras.Model:
    """The network without half of the channels of every prunable group."""
    factors = draw_factors(channel_graph, 0.5, np.random.default_rng(0))
    return compact(channel_graph, plan_removal(channel_graph, factors))


def _network(blocks):
    inputs = x = keras.Input((8, 8, 16))
    options = {"padding": "same", "use_bias": False}
    for _ in range(blocks):
        branch = layers.BatchNormalization()(layers.Conv2D(16, 3, **options)(x))
        branch = layers.ReLU()(branch)
        x = layers.Add()([x, layers.Conv2D(16, 3, **options)(branch)])
    return keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


if __name__ == "__main__":
    run(measure, __doc__)
