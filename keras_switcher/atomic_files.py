"""Atomic writes: files and folders that are replaced as a whole or not at all."""

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

UNFINISHED = ".unfinished"


@contextlib.contextmanager
def temporary_folder(near: Path) -> Iterator[Path]:
    """A new folder beside a file, to write in; it is deleted with all that is left in it.

    A process that is killed leaves it, under a name that begins with that of the file and ends with
    `.unfinished`.

    Args:
        near: What will be moved out of it has to stay in this file's folder, which must exist.
    """
    folder = near.with_name(f"{near.name}.{uuid.uuid4().hex[:12]}{UNFINISHED}")
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(path: Path) -> None:
    """Deletes the temporary folders that killed processes left beside a file.

    Args:
        path: The file.
    """
    for left in path.parent.glob(f"{path.name}.*{UNFINISHED}"):
        shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Replaces a file when its successor is complete: a reader finds the old one or the new one.

    Args:
        path: The file. Write to the path that is yielded instead.

    Raises:
        ValueError: If something is at `path` that is no file.
        FileNotFoundError: If its folder is not there.
    """
    path = Path(os.path.realpath(path))  # The file that a link means, not the link.
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is there and is not a file. It was left as it is.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path} cannot be written: make the folder {path.parent} first.")
    with temporary_folder(path) as folder:
        new = folder / path.name
        yield new
        with new.open("rb+") as file:  # On the disk before its name is.
            os.fsync(file.fileno())
        new.replace(path)


def atomic_write_text(path: Path, text: str) -> None:
    """Writes a text file atomically, see `atomic_write`.

    Args:
        path: The file.
        text: What it will hold.
    """
    with atomic_write(path) as new:
        new.write_text(text, encoding="utf-8")
