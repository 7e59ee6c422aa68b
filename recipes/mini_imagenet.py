"""Mini-ImageNet from folders of images: 100 classes, 500 images of each to train on, 100 to test.

The paper takes all classes of Vinyals et al. 2016 (arXiv 1606.04080), each in both parts. The data
set is not on TFDS, and its images may not be passed on: take those of ImageNet (ILSVRC2012) that
the lists of Ravi and Larochelle name, scaled to 84x84, and put them into

    FOLDER/train/CLASS/   500 files of each class
    FOLDER/val/CLASS/     the other 100

`--data-dir FOLDER` reads them: PNG, JPEG or BMP. Under other backends than TensorFlow Pillow does,
whose pixels of a JPEG file may be others by a little.
"""

from pathlib import Path

import keras
import numpy as np
from PIL import Image, UnidentifiedImageError

from recipes.datasets import TEST, VALIDATION, Data, Part

HOW_TO_GET_IT = __doc__.split("\n\n", 1)[1]
SIZE, CLASSES = 84, 100
COUNTS = {"train": 500, "val": 100}
# Of each class's training images, when hyper-parameters are chosen.
VALIDATED = 50
NAMED = 5
# What both Keras and Pillow read.
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")


def mini_imagenet(validate: bool = False, data_dir: str | Path | None = None) -> Data:
    """Images of 84x84x3 bytes; validation takes the last 50 training images of each class.

    Raises FileNotFoundError without such folders, ValueError if they hold other numbers of classes
    or images than the data set has, images of another size, or files that are none.
    """
    if data_dir is None or not all((Path(data_dir) / part).is_dir() for part in COUNTS):
        raise FileNotFoundError(
            f"No Mini-ImageNet in {data_dir or '--data-dir (not given)'}: it needs the folders "
            f"train/ and val/ with a folder of images for each class.\n{HOW_TO_GET_IT}"
        )
    folders = {part: Path(data_dir) / part for part in COUNTS}
    classes = {part: _check_counts(folder, COUNTS[part]) for part, folder in folders.items()}
    if classes["train"] != classes["val"]:
        alone = sorted(set(classes["train"]) ^ set(classes["val"]))
        raise ValueError(f"train/ and val/ in {data_dir} have other classes: {_named(alone)}.")
    if not validate:
        return Data(_read(folders["train"]), _read(folders["val"]), TEST)
    train = _read(folders["train"])
    known = np.arange(len(train.y)) % COUNTS["train"] < COUNTS["train"] - VALIDATED
    return Data(train.take(known), train.take(~known), VALIDATION)


def _check_counts(folder, expected):
    """The classes of a folder."""
    counts = {c.name: len(_files(c)) for c in sorted(folder.iterdir()) if c.is_dir()}
    if len(counts) != CLASSES:
        raise ValueError(f"{folder} has {len(counts)} classes; Mini-ImageNet has {CLASSES}.")
    others = [f"{name} ({count})" for name, count in counts.items() if count != expected]
    if others:
        raise ValueError(
            f"{folder} must have {expected} images of each class. Others are in {_named(others)}."
        )
    return list(counts)


def _read(folder):
    paths = sorted(path for of_class in folder.iterdir() for path in _files(of_class))
    if bad := [f"{path} ({why})" for path in paths if (why := _fault(path))]:
        raise ValueError(f"Images of {SIZE}x{SIZE} pixels are needed. Others are {_named(bad)}.")
    read = _by_tensorflow if keras.backend.backend() == "tensorflow" else _by_pillow
    return read(folder, paths)


def _by_pillow(folder, paths):
    """Elsewhere: Keras reads folders with packages that not every backend brings."""
    classes = sorted({path.parent for path in paths})
    x, y = np.empty((len(paths), SIZE, SIZE, 3), "uint8"), np.empty(len(paths), "int64")
    for number, path in enumerate(paths):
        with Image.open(path) as image:
            x[number], y[number] = image.convert("RGB"), classes.index(path.parent)
    return Part(x, y)


def _by_tensorflow(folder, paths):
    options = {"image_size": (SIZE, SIZE), "batch_size": COUNTS["val"], "shuffle": False}
    batches = keras.utils.image_dataset_from_directory(folder, **options, verbose=False)
    x, y = np.empty((len(paths), SIZE, SIZE, 3), "uint8"), np.empty(len(paths), "int64")
    if batches.file_paths != list(map(str, paths)):
        raise ValueError(
            f"Keras finds other images in {folder} than there are. Use PNG or JPEG files."
        )
    for number, (images, labels) in enumerate(batches):
        here = slice(number * COUNTS["val"], (number + 1) * COUNTS["val"])
        x[here], y[here] = images, labels
    return Part(x, y)


def _files(of_class):
    """The files of a class, without those that file managers leave; none where it is a file."""
    found = of_class.iterdir() if of_class.is_dir() else ()
    return [path for path in found if not path.name.startswith(".")]


def _fault(path):
    """What is wrong with a file, or None; only its head is read, and its end."""
    if path.suffix.lower() not in SUFFIXES:
        return f"not one of {', '.join(SUFFIXES)}"
    try:
        with Image.open(path) as image:
            size = image.size
            image.verify()
    except (UnidentifiedImageError, OSError, SyntaxError):
        return "no image that can be read"
    return None if size == (SIZE, SIZE) else f"{size[0]}x{size[1]}"


def _named(found):
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return ", ".join(found[:NAMED]) + more
