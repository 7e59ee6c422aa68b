"""Data: samples from NumPy files, or from folders of images."""

import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

SAMPLES = 512
_ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".gif"}


def load_data(path: Path, model: keras.Model | None, scale: float = 1.0) -> Any:
    """Samples for a model: `(x, y)`, or `(x, None)` where there are no labels.

    Args:
        path: An .npz file with `x` (or an array for each input, by its name) and maybe `y`, an .npy
            file of inputs, or a folder of images, with a folder for each class.
        model: The model: images get the size and the number of channels of its input. Without
            one, nothing is checked.
        scale: What pixels from 0 to 255 are multiplied with.

    Raises:
        ValueError: If it is none of these, or does not fit the model.
    """
    x: Any
    if path.is_dir():
        if model is None:
            raise ValueError(f"How large images of {path} are to be, only a .keras file tells.")
        x, y = _images(path, model, scale)
    elif path.suffix == ".npy" and path.is_file():
        x, y = _arrays(path), None
    elif path.suffix == ".npz" and path.is_file():
        arrays = _arrays(path)
        y = arrays.pop("y", None)
        x = arrays["x"] if set(arrays) == {"x"} else arrays
    else:
        raise ValueError(
            f"{path} holds no samples. Pass an .npz file with `x` and `y`, an .npy file of inputs, "
            "or a folder that has one folder of images for each class."
        )
    if model is not None:
        _check(path, model, x)
    return x, y


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


def _check(path: Path, model: keras.Model, x: Any) -> None:
    shapes = {each.name: each.shape for each in model.inputs}
    given = x if isinstance(x, dict) else {model.inputs[0].name: x}
    if set(given) != set(shapes):
        raise ValueError(
            f"{path} holds {', '.join(map(repr, given))}; the model reads "
            f"{', '.join(map(repr, shapes))}."
        )
    for name, array in given.items():
        fits = len(array.shape) == len(shapes[name]) and all(
            size is None or size == other
            for size, other in zip(shapes[name][1:], array.shape[1:], strict=True)
        )
        if fits and not len(array):
            raise ValueError(f"{path} holds no samples: of input '{name}' there are none.")
        if not fits:
            raise ValueError(
                f"Samples of input '{name}' in {path} have the shape {array.shape}; the model "
                f"reads {shapes[name]}."
            )
        if not np.issubdtype(array.dtype, np.number) or not np.isfinite(array).all():
            raise ValueError(f"Samples of input '{name}' in {path} must be finite numbers.")


def _images(folder: Path, model: keras.Model, scale: float) -> tuple[np.ndarray, np.ndarray | None]:
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
    x = np.stack([_pixels(each, color_mode, shape[1:3]) for each in chosen]) * scale
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
