"""Images packed into a few files that Pillow and NumPy read, for where TFDS is not installed.

A packed data set is a folder with

    train_0.webp ... train_3.webp    a quarter of the training images each, in their order
    test_0.webp, test_1.webp         half of the test images each
    labels.npz                       the labels, an array of bytes by name of picture ("train_0")

or with two folders, a/ and b/, that hold these between them, so that no folder is large; then each
has the labels. A picture is a mosaic in lossless WebP: rows of a hundred images, side by side.
"""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from PIL import Image, UnidentifiedImageError

from keras_switcher.atomic_files import atomic_write

PARTS = {"train": 4, "test": 2}
# Images and their labels.
Arrays = tuple[np.ndarray, np.ndarray]
NAMES = tuple(f"{part}_{number}" for part, count in PARTS.items() for number in range(count))
LABELS, ACROSS = "labels.npz", 100
FOLDERS = ("", "a", "b")
HOW_TO_GET_IT = (
    "Where tensorflow-datasets is installed, this makes a packed data set:\n"
    "  python -m recipes.packing cifar10 FOLDER"
)


def is_packed(folder: Path) -> bool:
    """Whether there is a packed data set in a folder, or some of one."""
    return any(place.exists() for name in NAMES for place in _places(folder, f"{name}.webp"))


def read_packed(folder: Path, part: str) -> Arrays:
    """Images and labels of the part "train" or "test" of a packed data set.

    Raises FileNotFoundError if files are missing, ValueError if one is damaged or holds another
    number of images than it has labels; both name the file.
    """
    found = {name: _find(folder, f"{name}.webp") for name in NAMES}
    missing = [f"{name}.webp" for name, path in found.items() if path is None]
    places = sorted({path.parent for path in found.values() if path})
    missing += [str(place / LABELS) for place in places if not (place / LABELS).exists()]
    if missing:
        raise FileNotFoundError(f"{folder} lacks {', '.join(missing)}. {HOW_TO_GET_IT}")
    read = [_read(found[f"{part}_{number}"]) for number in range(PARTS[part])]
    x, y = zip(*read, strict=True)
    return np.concatenate(x), np.concatenate(y)


def write_packed(folder: Path, parts: dict[str, Arrays]):
    """Packs images, `(number, size, size, 3)` bytes, of both parts.

    Raises ValueError if a part cannot be divided into pictures with full rows.
    """
    labels, sheets = {}, {}
    for part, count in PARTS.items():
        x, y = parts[part]
        if not len(x) or len(x) % (count * ACROSS):
            raise ValueError(
                f"The {len(x)} images of '{part}' do not fill {count} pictures with rows of "
                f"{ACROSS}: take a multiple of {count * ACROSS}."
            )
        for number, here in enumerate(np.split(np.arange(len(x)), count)):
            labels[f"{part}_{number}"] = y[here].astype("uint8")
            sheets[f"{part}_{number}"] = _sheet(x[here])
    folder.mkdir(parents=True, exist_ok=True)
    for name, sheet in sheets.items():
        with atomic_write(folder / f"{name}.webp") as new:
            Image.fromarray(sheet).save(new, lossless=True, quality=60, method=4)
    with atomic_write(folder / LABELS) as new:
        np.savez_compressed(new, **labels)


def _places(folder, name):
    return [Path(folder, within, name) for within in FOLDERS]


def _find(folder, name):
    return next((place for place in _places(folder, name) if place.exists()), None)


def _read(path):
    """Images and labels of a picture."""
    try:
        with Image.open(path) as image:
            sheet = np.asarray(image.convert("RGB"))
        # Opened here: NumPy leaves a damaged file open.
        with (path.parent / LABELS).open("rb") as file, np.load(file) as labels:
            y = labels[path.stem].astype("int64")
    except (UnidentifiedImageError, OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise ValueError(
            f"{path}, or {LABELS} beside it, is damaged: {error}. {HOW_TO_GET_IT}"
        ) from error
    size = sheet.shape[1] // ACROSS
    if sheet.shape[1] % ACROSS or sheet.shape[0] * ACROSS != len(y) * size:
        raise ValueError(
            f"{path} has {sheet.shape[1]}x{sheet.shape[0]} pixels, which are not {len(y)} images, "
            f"as {LABELS} beside it has labels, in rows of {ACROSS}. {HOW_TO_GET_IT}"
        )
    images = sheet.reshape(-1, size, ACROSS, size, 3).swapaxes(1, 2)
    return images.reshape(-1, size, size, 3), y


def _sheet(images):
    size = images.shape[1]
    rows = images.reshape(-1, ACROSS, size, size, 3).swapaxes(1, 2)
    return rows.reshape(-1, ACROSS * size, 3)
