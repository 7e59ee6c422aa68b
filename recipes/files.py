"""Files that a killed process, a full disk or two processes at once do not spoil."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from keras_switcher.files import write_whole


def drop_half_line(path: Path):
    """Drops the last line of a file of lines if it was only half-written, and says so."""
    text = path.read_text() if path.exists() else ""
    complete = text[: text.rfind("\n") + 1]
    if complete != text:
        print(f"{path}: dropped the last line, which was only half written", flush=True)
        write_whole(path, complete)


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Makes sure that no other process works in a folder, which must exist.

    Raises:
        RuntimeError: If one does.
    """
    # SQLite's locks end with their process, however it ends, on every system.
    lock = sqlite3.connect(folder / "lock", timeout=0, isolation_level=None)
    with contextlib.closing(lock):
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise RuntimeError(
                f"Another process works in {folder}. Wait for it, stop it, or choose another "
                "--output."
            ) from error
        yield
