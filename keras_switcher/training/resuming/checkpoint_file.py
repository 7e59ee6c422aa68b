"""Checkpoint files: values of variables and a record, replaced as a whole."""

import json
import zipfile
from collections.abc import Iterable
from pathlib import Path

import keras
import numpy as np
from keras import ops

from keras_switcher.atomic_files import atomic_write

CHECKPOINT_FORMAT = 1


def write_checkpoint(path: Path, variables: list[keras.Variable], record: dict) -> None:
    """Replaces a checkpoint.

    Args:
        path: The file.
        variables: Their values are written, in this order.
        record: What JSON can hold.
    """
    values = [ops.convert_to_numpy(variable) for variable in variables]
    kinds = [[*_kind(value), v.name] for v, value in zip(variables, values, strict=True)]
    text = json.dumps({**record, "format": CHECKPOINT_FORMAT, "variables": kinds})
    # As bytes: NumPy's files know nothing of bfloat16.
    arrays = {str(i): value.reshape(-1).view("uint8") for i, value in enumerate(values)}
    with atomic_write(path) as new, new.open("wb") as file:
        np.savez(file, record=np.array(text), **arrays)


def read_record(path: Path) -> dict | None:
    """The record of a checkpoint, or None if there is no file.

    Args:
        path: The file.

    Raises:
        ValueError: If it is no checkpoint, or one of another format.
    """
    if not path.exists():
        return None
    record = json.loads(str(_read(path, ["record"])[0]))
    version = record.get("format")
    if type(version) is not int or version != CHECKPOINT_FORMAT:
        raise ValueError(
            f"{path} has format {version!r}; this version of keras_switcher reads "
            f"{CHECKPOINT_FORMAT}."
        )
    return record


def restore_values(path: Path, record: dict, variables: list[keras.Variable]) -> None:
    """Gives variables the values that a checkpoint holds: all of them, or none.

    Args:
        path: The file.
        record: Its record.
        variables: As they were given to `write_checkpoint`, of a copy of that model.

    Raises:
        ValueError: If there are others in the file, or it is damaged.
    """
    now = [ops.convert_to_numpy(variable) for variable in variables]
    there, here = [kind[:2] for kind in record["variables"]], [_kind(value) for value in now]
    if there != here:
        pairs = zip(there, here, strict=False)
        first = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(there), len(here)))
        kinds = record["variables"][first : first + 1], here[first : first + 1]
        raise ValueError(
            f"{path} has {len(there)} variables, the model and its optimizers have {len(here)}. "
            f"The first that differs: {kinds[0] or 'none'} there, {kinds[1] or 'none'} here."
        )
    values = _read(path, map(str, range(len(variables))))
    for variable, value, before in zip(variables, values, now, strict=True):
        variable.assign(value.view(before.dtype).reshape(before.shape))


def _kind(value: np.ndarray) -> list:
    return [list(value.shape), value.dtype.name]


def _read(path: Path, names: Iterable[str]) -> list[np.ndarray]:
    # What the zip archive's reader raises when it meets other bytes than it wrote.
    damage = (ValueError, KeyError, EOFError, OSError, RuntimeError, zipfile.BadZipFile)
    with path.open("rb") as file:
        try:
            if not zipfile.is_zipfile(file):  # NumPy would say how to load it unsafely.
                raise zipfile.BadZipFile("it is no NumPy archive")
            file.seek(0)
            with np.load(file) as arrays:
                return [arrays[name] for name in names]
        except damage as error:
            raise ValueError(
                f"{path} is damaged, or is no checkpoint of ResumeTraining: {error}. Delete it to "
                "begin anew."
            ) from error
