"""Images with their classes: digits and MNIST in [0, 1], CIFAR-10 and Mini-ImageNet in 0 to 255."""

import hashlib
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recipes.packed import HOW_TO_GET_IT, is_packed, read_packed

TEST, VALIDATION = "test", "validation"
# The last images of CIFAR-10's training set, when hyper-parameters are chosen.
CIFAR10_VALIDATED = 5_000
# Of each class in the part of it that is trained on, drawn with this seed.
CIFAR10_PART, CIFAR10_SEED = 1_000, b"0"


class Part(NamedTuple):
    """Samples and their labels."""

    x: np.ndarray
    y: np.ndarray

    def take(self, indices) -> "Part":
        """Some of the samples: a slice, or indices."""
        return Part(self.x[indices], self.y[indices])

    def accuracy(self, outputs: np.ndarray) -> float:
        """The share of the samples whose class has the largest output."""
        return float(np.mean(np.argmax(outputs, axis=1) == self.y))


class Data(NamedTuple):
    """What to train on, what to measure on, and which of the splits that is."""

    train: Part
    held_out: Part
    split: str

    def smaller(self, number: int) -> "Data":
        """So many samples of both parts, at equal distances: if classes lie in order, of all."""
        parts = self[:2]
        steps = [slice(None, None, max(1, len(part.y) // number)) for part in parts]
        parts = [part.take(step) for part, step in zip(parts, steps, strict=True)]
        return Data(*(part.take(slice(number)) for part in parts), self.split)


def digits(
    validate: bool = False, _: Path | None = None, seed: int = 0, shape: Sequence[int] = (64,)
) -> Data:
    """scikit-learn's 1797 digits of 8x8 pixels, offline: 60 % train, 20 % validation, 20 % test.

    The validation samples are trained on as well unless they are what is measured on, for choosing
    hyper-parameters. The classes have the same shares in each part. An image's shape is flat, or
    `(8, 8, 1)`. Raises ImportError if scikit-learn is not installed.
    """
    load_digits = _module("sklearn.datasets", "scikit-learn").load_digits
    train_test_split = _module("sklearn.model_selection", "scikit-learn").train_test_split
    x, y = load_digits(return_X_y=True)
    everything = Part((x / 16).reshape(-1, *shape).astype("float32"), y.astype("int64"))
    parts = {"test_size": len(y) // 5, "random_state": seed}
    known, test = train_test_split(np.arange(len(y)), stratify=y, **parts)
    train, validation = train_test_split(known, stratify=y[known], **parts)
    if validate:
        return Data(everything.take(train), everything.take(validation), VALIDATION)
    return Data(everything.take(known), everything.take(test), TEST)


def mnist(
    validate: bool = False, data_dir: str | Path | None = None, shape: Sequence[int] = (784,)
) -> Data:
    """MNIST through TensorFlow Datasets: 60,000 images to train on, 10,000 to test on.

    For choosing hyper-parameters it is measured on the last 10,000 images of the training set, and
    trained on the others. An image's shape is flat, or `(28, 28, 1)`. Without `data_dir` TFDS
    downloads to its own. Raises ImportError if TFDS is not installed, FileNotFoundError if the data
    set is not in `data_dir`.
    """
    splits = ["train[:50000]", "train[50000:]"] if validate else ["train", "test"]
    parts = _tfds("mnist", splits, data_dir)
    parts = (Part(x.reshape(-1, *shape).astype("float32") / 255, y) for x, y in parts)
    return Data(*parts, VALIDATION if validate else TEST)


def cifar10(validate: bool = False, data_dir: str | Path | None = None) -> Data:
    """CIFAR-10 through TFDS: 50,000 images of 32x32x3 bytes to train on, 10,000 to test on.

    Or from a `data_dir` of packed files, without TFDS: see `recipes.packed`. For choosing
    hyper-parameters it is measured on the last 5,000 images of the training set; where TFDS keeps
    that in several files, the packed order mixes them, and these are others. Else as `mnist`.
    """
    if data_dir is not None and is_packed(data_dir):
        train = Part(*read_packed(data_dir, "train"))
        if validate:
            known, last = slice(-CIFAR10_VALIDATED), slice(-CIFAR10_VALIDATED, None)
            return Data(train.take(known), train.take(last), VALIDATION)
        return Data(train, Part(*read_packed(data_dir, "test")), TEST)
    splits = ["train[:45000]", "train[45000:]"] if validate else ["train", "test"]
    try:
        parts = _tfds("cifar10", splits, data_dir)
    except (ImportError, FileNotFoundError) as error:
        without = f"CIFAR-10 is read without TFDS, too, from packed files. {HOW_TO_GET_IT}"
        raise type(error)(f"{error}\n{without}") from error
    return Data(*parts, VALIDATION if validate else TEST)


def cifar10_part(validate: bool = False, data_dir: str | Path | None = None) -> Data:
    """10,000 of CIFAR-10's training images, 1,000 of each class, and the whole test set.

    They are drawn by a digest of their pixels, so that they are the same ones in any order of the
    files. For choosing hyper-parameters it is measured on 5,000 others.
    """
    everything, test, _ = cifar10(False, data_dir)
    drawn = np.argsort([_digest(image) for image in everything.x])
    ranks = np.empty(len(drawn), int)
    for label in np.unique(everything.y):
        of_label = drawn[everything.y[drawn] == label]
        ranks[of_label] = np.arange(len(of_label))
    first, end = CIFAR10_PART, CIFAR10_PART + CIFAR10_VALIDATED // 10
    train = everything.take(drawn[ranks[drawn] < first])
    if validate:
        others = drawn[(ranks[drawn] >= first) & (ranks[drawn] < end)]
        return Data(train, everything.take(others), VALIDATION)
    return Data(train, test, TEST)


def _digest(image):
    return hashlib.sha256(CIFAR10_SEED + image.tobytes()).hexdigest()


def _tfds(name, splits, data_dir):
    """The parts of a TFDS data set of images, as bytes."""
    tfds = _module("tensorflow_datasets", "tensorflow-datasets importlib_resources")
    builder = tfds.builder(name, data_dir=data_dir)
    if data_dir is None:
        builder.download_and_prepare()
    elif not builder.is_prepared():
        raise FileNotFoundError(
            f"The data directory '{data_dir}' does not hold the data set '{name}'. Fill it with:\n"
            f"  python -c \"import tensorflow_datasets as tfds; tfds.load('{name}', "
            f"data_dir='{data_dir}')\"\n"
            "or leave out --data-dir: it is then downloaded to where TFDS keeps its data."
        )
    loaded = builder.as_dataset(split=splits, batch_size=-1, as_supervised=True)
    return [Part(x, y.astype("int64")) for x, y in tfds.as_numpy(loaded)]


def _module(name, package):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"The data set is read by {name}. Install it with: pip install {package}, or all that "
            "recipes need with: pip install 'keras-switcher[recipes]'"
        ) from error
