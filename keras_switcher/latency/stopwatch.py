"""Stopwatch: how long a network and its layers take, each timed once, and kept in a file."""

import hashlib
import json
import math
import platform
import re
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import keras

from keras_switcher.atomic_files import atomic_write_text
from keras_switcher.latency.timing import running, seconds_of

# What `Stopwatch` knows a time by.
_KEY = re.compile("[0-9a-f]{24}")
_NO_TIMES = (
    "{path} holds no measured times: it is no file of JSON that `cache=` has written. Pass another "
    "`cache`, or delete it."
)


class Stopwatch:
    """Times a network, and parts of it in turn with it, each once; keeps what it found in a file.

    In turn with the whole network, a layer finds its weights where it would find them there: those
    of a network that is larger than the caches come from memory.

    Args:
        model: The whole network.
        known_as: What it is known by: the same text for networks that take the same time.
        format: The format.
        threads: The number of threads.
        batch: The number of samples.
        cache: The file, or None.

    Raises:
        ValueError: If it holds something else, or its folder is not there.
    """

    def __init__(
        self,
        model: keras.Model,
        known_as: str,
        format: str,
        threads: int,
        batch: int,
        cache: str | Path | None,
    ) -> None:
        self.model = model
        self.format = format
        self._settings = format, threads, batch
        self._machine = f"{platform.node()} {platform.machine()} {platform.processor()}"
        self._known_as = known_as
        self._whole: Callable[[], Any] | None = None
        self._open = ExitStack()
        self._cache = None if cache is None else Path(cache)
        self._known: dict[str, float] = {}
        if self._cache is not None:
            folder = self._cache.absolute().parent
            if not folder.is_dir():
                raise ValueError(
                    f"`cache` cannot be written: there is no folder {folder}. Make it, or pass "
                    f"another one. Received: cache={str(cache)!r}."
                )
            self._known = _read(self._cache)

    def __enter__(self) -> "Stopwatch":
        return self

    def __exit__(self, *raised: object) -> None:
        self._open.close()
        self.save()  # Also when it was interrupted: what was timed need not be again.

    def alone(self, name: str, make: Callable[[], keras.Model]) -> float:
        """Seconds that a network takes which runs again and again.

        Args:
            name: What it is known by.
            make: Returns the network.
        """
        return self._once(f"{name}, alone", lambda: seconds_of(make(), *self._settings))

    def in_turn(self, name: str, make: Callable[[], keras.Model]) -> float:
        """Seconds that a network takes which runs in turn with the whole one.

        Args:
            name: What it is known by.
            make: Returns the network.
        """
        return self._once(name, lambda: seconds_of(make(), *self._settings, self._run_whole))

    def _run_whole(self) -> None:
        # Only what is not in the file already needs the network to run.
        if self._whole is None:
            self._whole = self._open.enter_context(running(self.model, *self._settings))
        self._whole()

    def _once(self, name: str, measure: Callable[[], float]) -> float:
        told = [self._machine, *self._settings, keras.__version__, self._known_as, name]
        key = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:24]
        if key not in self._known:
            self._known[key] = measure()
            if len(self._known) % 50 == 0:
                self.save()
        return self._known[key]

    def save(self) -> None:
        """Writes the file, if there is to be one, with what others have written in the meantime."""
        if self._cache is not None:
            self._known = {**_read(self._cache), **self._known}
            atomic_write_text(self._cache, json.dumps(self._known, indent=0))


def _read(path: Path) -> dict[str, float]:
    if not path.exists():
        return {}
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        times = {str(key): float(value) for key, value in known.items()}
    except (ValueError, AttributeError, TypeError, OSError) as error:
        raise ValueError(_NO_TIMES.format(path=path)) from error
    if not all(_KEY.fullmatch(key) and 0 < time < math.inf for key, time in times.items()):
        raise ValueError(_NO_TIMES.format(path=path))  # A file of numbers of somebody else's.
    return times
