"""Exports a model for inference; a failed export leaves nothing behind."""

import contextlib
import os
from pathlib import Path
from typing import Any

import keras

from keras_switcher.atomic_files import temporary_folder

# What Keras writes ONNX files with, by its backend.
ONNX = {
    "tensorflow": "keras-switcher[onnx]",
    "jax": "jax2onnx",
    "torch": "keras-switcher[torch]",
}


def export_model(
    model: keras.Model, filepath: str | Path, format: str = "tf_saved_model", **kwargs: Any
) -> None:
    """Exports a Functional model for inference, to a path where nothing is yet.

    It is written beside that path and moved there when it is complete: an export that fails leaves
    nothing behind.

    Args:
        model: The model.
        filepath: Where to write: a folder for SavedModel, a file otherwise.
        format: Any format of `keras.Model.export`.
        **kwargs: See `keras.Model.export`.

    Raises:
        ValueError: If there is something already where it would write.
        ImportError: If the format needs a package that is not installed.

    Example:

    >>> import tempfile
    >>> inputs = keras.Input((4,))
    >>> model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export_model(model, f"{folder}/served")
    ...     [path.name for path in Path(folder).iterdir()]
    ['served']
    """
    path = Path(os.path.abspath(filepath))
    if path.exists() and not _is_empty_folder(path):
        raise _taken(path)
    model(model.input)  # Keras refuses to write some formats for a model that was never called.
    # What an empty folder is to hold is made within it: it may be where another disk begins.
    near = path / path.name if path.is_dir() else path
    made = _make_folders(near.parent)
    try:
        with temporary_folder(near) as folder:
            new = folder / path.name
            try:
                model.export(str(new), format=format, **{"verbose": False, **kwargs})
            except Exception as error:
                cause: BaseException | None = error
                while cause is not None and not isinstance(cause, ImportError):
                    cause = cause.__cause__  # PyTorch's exporter raises an error of its own.
                if cause is None:
                    raise
                raise _missing(format, cause) from error
            if path.is_dir() and not new.is_dir():  # A file cannot take a folder's place.
                raise _taken(path)
            _move(new if path.is_dir() else folder, near.parent, last=path.name)
    except BaseException:
        with contextlib.suppress(OSError):  # Somebody else has come to use one.
            for parent in made:
                parent.rmdir()
        raise


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _taken(path: Path) -> ValueError:
    return ValueError(f"{path} exists already and was left as it is. Export to another path.")


def _missing(format: str, error: ImportError) -> ImportError:
    extra = ONNX.get(keras.backend.backend()) if format == "onnx" else None
    install = f" Install it with: pip install '{extra}'." if extra else ""
    return ImportError(f"Export as '{format}' needs another package: {error}.{install}")


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
