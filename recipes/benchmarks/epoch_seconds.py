"""Seconds of an epoch of the paper's networks: each precision, Keras's and fused normalization.

    python -m recipes.benchmarks.epoch_seconds
    python -m recipes.benchmarks.epoch_seconds --tasks mobilenet --batches 10

Dense networks, batch 128; both layers run in turn. Seconds are those of 50,000 pictures with the
fused layer; the ratio is the median over repeats of Keras's over these. VGG-cov2 has no
normalization: what its ratio differs from 1 is noise.
"""

from collections.abc import Iterator
from functools import partial
from unittest import mock

import keras
import numpy as np

from recipes.benchmarks.harness import run, spread, timed_in_turn
from recipes.networks import TASKS, convolutional
from recipes.networks.normalization import FusedBatchNormalization
from recipes.settings import PRECISIONS

LAYERS = {"keras": keras.layers.BatchNormalization, "fused": FusedBatchNormalization}
BATCH, EPOCH = 128, 50_000
CONVOLUTIONAL = ("vgg_cov2", "resnet20", "mobilenet_quarter", "mobilenet", "vgg16", "resnet34")


def measure(
    tasks: tuple = CONVOLUTIONAL[:3],
    precisions: tuple = PRECISIONS,
    batches: int = 20,
    repeats: int = 5,
) -> Iterator[dict]:
    """A row for each network and precision."""
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (BATCH * batches, 32, 32, 3)).astype("float32")
    given = {"x": x, "y": random.integers(0, 10, len(x)), "batch_size": BATCH, "verbose": 0}
    before = keras.config.dtype_policy()
    for task, precision in ((task, precision) for task in tasks for precision in precisions):
        keras.config.set_dtype_policy(precision)
        networks = {name: _compiled(task, layer) for name, layer in LAYERS.items()}
        keras.config.set_dtype_policy(before)
        runs = {name: partial(network.fit, **given) for name, network in networks.items()}
        times, _ = timed_in_turn(runs, repeats)
        row = {"task": task, "precision": precision}
        row["seconds"] = times["fused"].median() / len(x) * EPOCH
        yield row | spread(times["keras"] / times["fused"], "ratio") | {"repeats": repeats}


def _compiled(task, layer):
    with mock.patch.object(convolutional, "FusedBatchNormalization", layer):
        network = TASKS[task].network()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True)
    network.compile(optimizer, loss, jit_compile=False)
    return network


if __name__ == "__main__":
    run(measure, __doc__, choices={"tasks": CONVOLUTIONAL, "precisions": PRECISIONS})
