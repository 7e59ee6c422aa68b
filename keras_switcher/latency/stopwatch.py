"""Stopwatch: how long networks take, each timed once, and kept in a file."""

import hashlib
import json
import platform
from collections.abc import Callable
from pathlib import Path

import keras

from keras_switcher.atomic_files import atomic_write_text
from keras_switcher.latency.timing import seconds_of


class Stopwatch:
    """Times networks, each once, and keeps what it found in a file.

    Args:
        format: The format.
        threads: The number of threads.
        batch: The number of samples.
        cache: The file, or None.

    Raises:
        ValueError: If it holds something else, or its folder is not there.
    """

    def __init__(self, format: str, threads: int, batch: int, cache: str | Path | None) -> None:
        self.format = format
        self._settings = format, threads, batch
        self._cache = None if cache is None else Path(cache)
        self._machine = f"{platform.node()} {platform.machine()} {platform.processor()}"
        self._known: dict[str, float] = {}
        if self._cache is not None:
            folder = self._cache.absolute().parent
            if not folder.is_dir():
                raise ValueError(
                    f"`cache` cannot be written: there is no folder {folder}. Make it, or pass "
                    f"another one. Received: cache={str(cache)!r}."
                )
            self._known = _read(self._cache)

    def seconds(self, name: str, make: Callable[[], keras.Model]) -> float:
        """Seconds that a network takes.

        Args:
            name: What it is known by.
            make: Returns the network.
        """
        told = json.dumps([self._machine, *self._settings, keras.__version__, name])
        key = hashlib.sha256(told.encode()).hexdigest()[:24]
        if key not in self._known:
            self._known[key] = seconds_of(make(), *self._settings)
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
        return {str(key): float(value) for key, value in known.items()}
    except (ValueError, AttributeError, TypeError, OSError) as error:
        raise ValueError(
            f"{path} holds no measured times ({error}). Pass another `cache`, or delete it."
        ) from error
