"""Time to read, plan and compact residual networks of more and more layers.

A residual network of 8 to 128 blocks of five layers without half of its channels, not verified; the
best of several runs in turn. `power` is the exponent of time over layers so far, 1 being linear.

    python -m recipes.benchmarks.growth
"""

from collections.abc import Iterator
from functools import partial

import keras
from keras import layers

import keras_switcher as ks
from recipes.benchmarks.harness import power, random_masks, run, timed_in_turn


def measure(blocks: tuple = (8, 16, 32, 64, 128), repeats: int = 3) -> Iterator[dict]:
    """A row for each number of blocks."""
    models = {number: _network(number) for number in blocks}
    prune = partial(ks.prune_channels, verify=False)
    runs = {n: partial(prune, model, random_masks(model)) for n, model in models.items()}
    seconds = timed_in_turn(runs, repeats)[0].min()
    counts = [len(model.layers) for model in models.values()]
    for number, (blocks, taken) in enumerate(seconds.items(), start=1):
        row = {"blocks": blocks, "layers": counts[number - 1], "seconds": taken}
        row["milliseconds_per_layer"] = 1000 * taken / row["layers"]
        yield row | {"power": power(counts[:number], seconds[:number])}


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
