"""Data: samples from NumPy files, or from folders of images."""

import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_switcher.tensors import fits

SAMPLES = 512
_ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".gif"}


def load_data(path: Path, model: keras.Model | None, scale: float = 1.0) -> Any:
    """Samples for a model: `(x, y)`, or `(x, None)` where there are no labels.

    Args:
        path: An .npz file with `x` (or an array for each input, by its name) and maybe `y`, an .npy
            file of inputs, or a folder of images, with a folder for each class.
        model: The model: images get the size and the number of channels of its input. Without
            one, it is not known whether samples fit.
        scale: What the numbers of a single input, as pixels from 0 to 255, are multiplied with.

    Raises:
        ValueError: If it is none of these, holds no samples or no finite numbers, or does not fit
            the model.
    """
    x: Any
    if not np.isfinite(scale) or not scale:
        raise ValueError(f"--scale must be a number other than zero. Received: {scale}.")
    if not path.exists():
        raise ValueError(f"There is no file or folder {path}.")
    if path.is_dir():
        if model is None:
            raise ValueError(f"How large images of {path} are to be, only a .keras file tells.")
        x, y = _images(path, model)
    elif path.suffix == ".npy" and path.is_file():
        x, y = _arrays(path), None
    elif path.suffix == ".npz" and path.is_file():
        arrays = _arrays(path)
        reads_y = model is not None and "y" in {each.name for each in model.inputs}
        y = None if reads_y else arrays.pop("y", None)
        x = arrays["x"] if set(arrays) == {"x"} else arrays
    else:
        raise ValueError(
            f"{path} holds no samples. Pass an .npz file with `x` and `y`, an .npy file of inputs, "
            "or a folder that has one folder of images for each class."
        )
    _check_values(path, x)
    if model is not None:
        _check_fit(path, model, x)
    if scale != 1 and isinstance(x, dict):
        raise ValueError(f"--scale is for one input; {path} holds {', '.join(map(repr, x))}.")
    return (x if scale == 1 else x * np.float32(scale)), y


def as_taken(x: Any, model: keras.Model) -> Any:
    """Samples in the structure in which a model takes them, whose keys need not be the names.

    Args:
        x: An array, or arrays by the names of inputs.
        model: The model.
    """
    structure = getattr(model, "input", None)
    if not isinstance(x, dict) or not isinstance(structure, dict):
        return x
    return keras.tree.map_structure(lambda tensor: x[tensor.name], structure)


def _arrays(path: Path) -> Any:
    """The array of an .npy file; those of an .npz file, by name. No objects: these bring code."""
    try:
        with path.open("rb") as file:
            held = np.load(file, allow_pickle=False)
            if isinstance(held, np.ndarray):
                return held
            return {name: held[name] for name in held.files}
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error


def _check_values(path: Path, x: Any) -> None:
    """Refuses what no model reads: no samples, or what is no finite number."""
    given = x if isinstance(x, dict) else {"x": x}
    sizes = {name: len(array) if array.ndim else 0 for name, array in given.items()}
    if not all(sizes.values()) or not sizes:
        raise ValueError(f"{path} holds no samples: {sizes or 'there is no input in it'}.")
    if len(set(sizes.values())) > 1:
        raise ValueError(f"{path} holds not as many samples of each input: {sizes}.")
    for name, array in given.items():
        if array.dtype.kind not in "biuf" or not np.isfinite(array).all():
            raise ValueError(f"Samples of input '{name}' in {path} must be finite numbers.")


def _check_fit(path: Path, model: keras.Model, x: Any) -> None:
    shapes = {each.name: each.shape for each in model.inputs}
    given = x if isinstance(x, dict) else {model.inputs[0].name: x}
    if set(given) != set(shapes):
        raise ValueError(
            f"{path} holds {', '.join(map(repr, given))}; the model reads "
            f"{', '.join(map(repr, shapes))}."
        )
    for name, array in given.items():
        if not fits(array.shape, (None, *shapes[name][1:])):
            raise ValueError(
                f"Samples of input '{name}' in {path} have the shape {array.shape}; the model "
                f"reads {shapes[name]}."
            )


def _images(folder: Path, model: keras.Model) -> tuple[np.ndarray, np.ndarray | None]:
    """Up to `SAMPLES` images of a folder, spread over it, and the numbers of their classes."""
    shape = model.inputs[0].shape
    if len(model.inputs) > 1 or len(shape) != 4 or None in shape[1:] or shape[3] not in (1, 3):
        raise ValueError(
            f"{folder} is a folder of images; the model does not read images of one size, with one "
            "or three channels. Pass an .npz file."
        )
    found = sorted(each for each in folder.rglob("*") if each.suffix.lower() in _ENDINGS)
    if not found:
        raise ValueError(f"{folder} holds no images ({', '.join(sorted(_ENDINGS))}).")
    places = np.unique(np.linspace(0, len(found) - 1, SAMPLES).round().astype(int))
    chosen = [found[place] for place in places]
    color_mode = "grayscale" if shape[3] == 1 else "rgb"
    x = np.stack([_pixels(each, color_mode, shape[1:3]) for each in chosen])
    classes = sorted({each.relative_to(folder).parts[0] for each in found})
    if any(each.parent == folder for each in found):
        return x, None
    return x, np.array([classes.index(each.relative_to(folder).parts[0]) for each in chosen])


def _pixels(file: Path, color_mode: str, size: tuple[int, int]) -> np.ndarray:
    try:
        image = keras.utils.load_img(
            file, color_mode=color_mode, target_size=size, interpolation="bilinear"
        )
    except OSError as error:
        raise ValueError(f"{file} cannot be read as an image: {error}") from error
    return keras.utils.img_to_array(image)
