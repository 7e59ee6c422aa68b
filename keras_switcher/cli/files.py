"""Files: loads models in safe mode, no larger than their weights, and saves them as a whole."""

import functools
import importlib
import json
import math
import os
import sys
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from keras_switcher.atomic_files import atomic_write
from keras_switcher.cli.printing import short, visible, working
from keras_switcher.model import SwitcherModel

# Bytes or weights that need no question, and how many times smaller a file is than what it holds.
_FREE, _RATIO = 2**24, 50


def load(path: Path, modules: list[str] | None = None, compiled: bool = False) -> keras.Model:
    """Loads a model.

    Args:
        path: A .keras file.
        modules: Modules that register its layers.
        compiled: Compile it as it was.

    Raises:
        ValueError: If it is no such file, or what is in it cannot be loaded.
        FileNotFoundError: If it is not there.
    """
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    if path.suffix != ".keras" or not path.is_file():
        raise ValueError(
            f"{path} is no .keras file. Save the model with model.save('name.keras'): exported "
            "models (SavedModel, LiteRT, ONNX, OpenVINO) cannot be changed any more."
        )
    import_modules(modules or [])
    saved = _check_archive(path)
    with working(f"Loading {path.name}"), _weights_limited(path, saved), warnings.catch_warnings():
        # No command trains with the optimizer that a file may bring.
        warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
        try:
            return keras.saving.load_model(path, compile=compiled, safe_mode=True)
        # What is wrong with a file is said in many ways.
        except Exception as error:
            raise ValueError(f"{path} cannot be loaded: {_said(error)}{_newer(path)}") from error


def task_of(model: keras.Model) -> keras.Model:
    """The task network of a SwitcherModel; any other model is that itself.

    Args:
        model: The model.
    """
    return model.task if isinstance(model, SwitcherModel) else model


def import_modules(names: list[str]) -> None:
    """Imports modules, from the current folder, too.

    Args:
        names: Their names.

    Raises:
        ValueError: If there is no module of a name, or its code raises an error.
    """
    if names and "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    for name in names:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise ValueError(
                f"--import {name}: {error}. Pass the name of a module as in `import NAME`, that is "
                "in this folder or installed."
            ) from error
        except Exception as error:  # Its code is a user's own.
            raise ValueError(f"--import {name}: {type(error).__name__}: {error}") from error


def check_free(path: Path, suffix: str, overwrite: bool = False) -> None:
    """Raises an error if a file cannot be written, before work is done for it.

    Args:
        path: The file.
        suffix: How its name must end.
        overwrite: Whether it may exist.

    Raises:
        ValueError: If its name ends otherwise, it exists, or its folder does not.
    """
    if path.suffix != suffix:
        raise ValueError(f"--out must end in {suffix}. Received: {path}.")
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is there and is no file. Pass another --out.")
    if path.exists() and not overwrite:
        raise ValueError(f"{path} exists. Pass another --out, or --overwrite.")
    if not path.resolve().parent.is_dir():
        raise ValueError(f"{path} cannot be written: there is no folder {path.resolve().parent}.")


def save(model: keras.Model, path: Path) -> None:
    """Saves a model; a file that is there is replaced once the new one is complete.

    Args:
        model: The model.
        path: The file.
    """
    with working(f"Writing {path.name}"), atomic_write(path) as new:
        model.save(new)


def _check_archive(path: Path) -> int:
    """Checks what a file says of what is in it; returns how many bytes of weights there are.

    Raises:
        ValueError: If it is no archive, or would be far larger than it is.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}.") from error
    except zipfile.BadZipFile as error:
        raise ValueError(
            f"{path} is no .keras file, or it was cut off ({error}). Save or copy it again."
        ) from error
    if "config.json" not in {member.filename for member in members}:
        raise ValueError(
            f"{path} holds no Keras model: there is no config.json in it. Save the model with "
            "model.save('name.keras')."
        )
    unpacked = sum(member.file_size for member in members)
    if unpacked > _FREE + _RATIO * path.stat().st_size:
        raise ValueError(
            f"{path} was refused: its {path.stat().st_size:,} bytes would be {unpacked:,} unpacked."
        )
    return sum(member.file_size for member in members if "weights" in member.filename)


@contextmanager
def _weights_limited(path: Path, saved: int) -> Iterator[None]:
    """A scope in which layers make no more weights than a file of that size can hold.

    A few bytes of configuration can ask for layers of any size.
    """
    add_weight, made = keras.layers.Layer.add_weight, 0

    @functools.wraps(add_weight)
    def counted(self: Any, shape: Any = None, *args: Any, **kwargs: Any) -> Any:
        nonlocal made
        made += math.prod(shape or ())
        if made > _FREE + saved:  # A byte or more for each.
            raise ValueError(
                f"its layers ask for {made:,} weights or more, and it holds {saved:,} bytes of them"
            )
        return add_weight(self, shape, *args, **kwargs)

    keras.layers.Layer.add_weight = counted
    try:
        yield
    finally:
        keras.layers.Layer.add_weight = add_weight


def _newer(path: Path) -> str:
    """What to do about a file of a newer version of Keras, which may have what this one lacks."""
    try:
        with zipfile.ZipFile(path) as archive:
            version = str(json.loads(archive.read("metadata.json"))["keras_version"])
        numbers = [[int(n) for n in each.split(".")[:2]] for each in (version, keras.__version__)]
    except (ValueError, LookupError, TypeError, OSError, zipfile.BadZipFile):
        return ""
    if numbers[0] <= numbers[1]:
        return ""
    return f" It was saved by Keras {visible(version)}, and this is {keras.__version__}: update it."


def _said(error: Exception) -> str:
    """What is wrong with a file, and what to do."""
    said = short(error)
    if "ambda" in str(error) and "safe_mode" in str(error):
        return (
            "it has a Lambda layer, or a lambda, with code in it, and this command never runs code "
            "from a file. Write that as a layer or function of your own, and pass --import with "
            "its module."
        )
    if "Could not locate" in said or "Unknown layer" in said:
        return f"{said} Pass --import with the module that registers it."
    if isinstance(error, (LookupError, AttributeError, TypeError)) and "Error" not in said:
        return f"its configuration is not one that Keras writes ({type(error).__name__}: {said})"
    return said
