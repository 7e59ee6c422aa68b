"""What networks are trained on what data, by name."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras

from recipes.datasets import Data, digits, mnist
from recipes.networks.lenet5 import lenet5
from recipes.networks.mlp import mlp
from recipes.networks.residual import inverted_residual, plain_residual, residual


def _images_of_digits(validate, _):
    return digits(validate, shape=(8, 8, 1))


class Task(NamedTuple):
    """A network that is to be trained, and its data."""

    network: Callable[[], keras.Model]
    load: Callable[[bool, Path | None], Data]


TASKS = {
    "digits": Task(functools.partial(mlp, (64, 128, 64, 10)), lambda validate, _: digits(validate)),
    "residual": Task(residual, _images_of_digits),
    "plain": Task(plain_residual, _images_of_digits),
    "inverted": Task(inverted_residual, _images_of_digits),
    "mlp": Task(mlp, mnist),
    "mlp_paper": Task(functools.partial(mlp, spread=0.1), mnist),
    "lenet5": Task(lenet5, functools.partial(mnist, shape=(28, 28, 1))),
}


@functools.lru_cache(maxsize=2)
def load(task: str, validate: bool, data_dir: Path | None) -> Data:
    """The data of a task, read once per process.

    Args:
        task: A name of `TASKS`.
        validate: Measure on a part of the training set that is not trained on.
        data_dir: TFDS data directory; None is TFDS's own.
    """
    return TASKS[task].load(validate, data_dir)
