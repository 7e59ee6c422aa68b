"""Task networks with their data, by name; a file of this package registers its own."""

import functools
import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras

from recipes.datasets import Data


class Task(NamedTuple):
    """A network that is to be trained, and what reads its data.

    `load` takes whether to measure on the validation split, and the data directory or None. About
    so many `epoch_seconds` takes the dense network on two cores, before a row says how many.
    """

    network: Callable[[], keras.Model]
    load: Callable[[bool, Path | None], Data]
    epoch_seconds: float | None = None


TASKS: dict[str, Task] = {}


def add_task(name: str, *args, **kwargs):
    """Registers the `Task` of these arguments; raises ValueError if another one has the name."""
    if name in TASKS:
        raise ValueError(f"There is a task called {name!r} already: choose another name.")
    TASKS[name] = Task(*args, **kwargs)


@functools.lru_cache(maxsize=2)
def load(task: str, validate: bool, data_dir: Path | None) -> Data:
    """The data of a task, read once per process."""
    return TASKS[task].load(validate, data_dir)


for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
