"""Placing: what is written comes to its place as a whole or not at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from keras_switcher.atomic_files import temporary_folder


@contextlib.contextmanager
def placed(filepath: str | Path) -> Iterator[Path]:
    """What is written to the path that is yielded is moved to `filepath` when the scope ends.

    Where the scope ends with an error, nothing is left behind.

    Args:
        filepath: A path where nothing is yet, or an empty folder.

    Raises:
        ValueError: If there is something where it would write.
    """
    path = Path(os.path.abspath(filepath))
    if path.exists() and not _is_empty_folder(path):
        raise _taken(path)
    # What an empty folder is to hold is made within it: it may be where another disk begins.
    near = path / path.name if path.is_dir() else path
    made = _make_folders(near.parent)
    try:
        with temporary_folder(near) as folder:
            new = folder / path.name
            yield new
            if path.is_dir() and not new.is_dir():  # A file cannot take a folder's place.
                raise _taken(path)
            _move(new if path.is_dir() else folder, near.parent, last=path.name)
    except BaseException:
        with contextlib.suppress(OSError):  # Somebody else has come to use one.
            for parent in made:
                parent.rmdir()
        raise


def size_of(path: Path) -> int:
    """The bytes of a file or folder, and of the weights that OpenVINO keeps in a second file."""
    beside = [path.with_suffix(".bin")] if path.suffix == ".xml" else []
    files = path.rglob("*") if path.is_dir() else [path, *beside]
    return sum(file.stat().st_size for file in files if file.is_file())


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _taken(path: Path) -> ValueError:
    return ValueError(f"{path} exists already and was left as it is. Export to another path.")


def _make_folders(folder: Path) -> list[Path]:
    """Makes a folder and those above it; returns those that it made, the innermost first."""
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return made


def _move(source: Path, folder: Path, last: str) -> None:
    """Moves what was written, the file with the given name last: OpenVINO writes two files."""
    entries = sorted(source.iterdir(), key=lambda entry: entry.name == last)
    for entry in entries:
        if (folder / entry.name).exists():
            raise _taken(folder / entry.name)
    for entry in entries:
        entry.rename(folder / entry.name)
