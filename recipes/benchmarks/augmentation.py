"""Seconds to make an epoch's batches alone, augmented: what training would wait for at most.

    python -m recipes.benchmarks.augmentation
    python -m recipes.benchmarks.augmentation --size 84
    KERAS_BACKEND=jax python -m recipes.benchmarks.augmentation

Random pictures, batch 128; by `tf.data` under TensorFlow, by NumPy in threads elsewhere. While a
network trains, its next batches are made beside it; of an epoch that takes 30 seconds the share
that is spent on them is these seconds over 30.
"""

import time
from collections.abc import Iterator

import numpy as np

from recipes.augmentation import KINDS
from recipes.benchmarks.harness import run
from recipes.datasets import Part
from recipes.training import EpochShuffle


def measure(
    augmentations: tuple = KINDS, size: int = 32, pictures: int = 50_000, repeats: int = 3
) -> Iterator[dict]:
    """A row for each kind of augmentation: the median of the repeats."""
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (pictures, size, size, 3), "uint8")
    part = Part(x, np.zeros(pictures, "int64"))
    for kind in augmentations:
        shuffle, seconds = EpochShuffle(part, 128, 0, kind), []
        for epoch in range(repeats + 1):
            began = time.perf_counter()
            shuffle.on_epoch_begin(epoch)
            for _ in shuffle.batches.data:
                pass
            seconds.append(time.perf_counter() - began)
        # The first epoch traces.
        row = {"augmentation": kind, "size": size, "pictures": pictures}
        yield row | {"seconds": float(np.median(seconds[1:]))}


if __name__ == "__main__":
    run(measure, __doc__, choices={"augmentations": KINDS})
