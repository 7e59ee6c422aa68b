"""Packed images are the images; what is missing or damaged is named, with how to get it."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from recipes import datasets, packing
from recipes.packed import NAMES, is_packed, read_packed, write_packed

SIZE = 8


@pytest.fixture(scope="module")
def parts():
    """Images and labels; no two images are alike."""
    random = np.random.default_rng(0)

    def part(number):
        x = random.integers(0, 256, (number, SIZE, SIZE, 3), "uint8")
        return datasets.Part(x, random.integers(0, 10, number))

    return {"train": part(800), "test": part(400)}


@pytest.fixture(scope="module")
def whole(parts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed")
    write_packed(folder, parts)
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    """A copy of what is packed."""
    return Path(shutil.copytree(whole, tmp_path / "packed"))


def in_two(folder):
    """Moves what is packed into the sub-folders a/ and b/, each with all labels."""
    for name, files in {"a": ("train_0", "train_1", "test_0"), "b": NAMES}.items():
        (folder / name).mkdir()
        shutil.copy(folder / "labels.npz", folder / name)
        for file in files:
            if (folder / f"{file}.webp").exists():
                (folder / f"{file}.webp").rename(folder / name / f"{file}.webp")
    (folder / "labels.npz").unlink()


@pytest.mark.parametrize("is_in_two", [False, True])
def test_packed_images_are_the_images_in_their_order(parts, folder, is_in_two):
    assert not is_packed(folder.parent)
    if is_in_two:
        in_two(folder)
    assert is_packed(folder)
    for name, part in parts.items():
        x, y = read_packed(folder, name)
        np.testing.assert_array_equal(x, part.x)
        np.testing.assert_array_equal(y, part.y)
        assert (x.dtype, y.dtype) == (np.uint8, np.int64)


def test_a_picture_has_rows_of_a_hundred_images(parts, folder):
    sheet = np.asarray(Image.open(folder / "train_1.webp"))
    assert sheet.shape == (2 * SIZE, 100 * SIZE, 3)
    # Image 103 of the second quarter: the second row, the fourth place.
    found = sheet[SIZE : 2 * SIZE, 3 * SIZE : 4 * SIZE]
    np.testing.assert_array_equal(found, parts["train"].x[200 + 103])


def test_cifar10_is_read_from_packed_files_and_split_as_by_tfds(parts, folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    train, test = parts["train"], parts["test"]
    data = datasets.cifar10(data_dir=folder)
    np.testing.assert_array_equal(data.train.x, train.x)
    np.testing.assert_array_equal(data.held_out.x, test.x)
    assert data.split == "test"
    monkeypatch.setattr(datasets, "CIFAR10_VALIDATED", 100)
    data = datasets.cifar10(validate=True, data_dir=folder)
    np.testing.assert_array_equal(data.train.y, train.y[:-100])
    np.testing.assert_array_equal(data.held_out.x, train.x[-100:])
    assert data.split == "validation"


@pytest.mark.parametrize("name", ["train_2.webp", "test_0.webp", "train_0.webp", "labels.npz"])
@pytest.mark.parametrize("part", ["train", "test"])
def test_a_missing_file_is_named_with_how_to_get_it(folder, name, part):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=rf"lacks .*{name}") as raised:
        read_packed(folder, part)
    assert "python -m recipes.packing cifar10 FOLDER" in str(raised.value)


def _cut_short(path):
    path.write_bytes(path.read_bytes()[:200])


def _made_text(path):
    path.write_text("not an image")


def _of_fewer_rows(path):
    Image.fromarray(np.zeros((SIZE, 100 * SIZE, 3), "uint8")).save(path, lossless=True)


def _of_other_width(path):
    Image.fromarray(np.zeros((2 * SIZE, 99 * SIZE, 3), "uint8")).save(path, lossless=True)


def _without_one_name(path):
    with np.load(path) as labels:
        left = {name: labels[name] for name in NAMES if name != "train_0"}
    np.savez_compressed(path, **left)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("train_0.webp", _cut_short),
        ("train_0.webp", _made_text),
        ("train_0.webp", _of_fewer_rows),
        ("train_0.webp", _of_other_width),
        ("labels.npz", _cut_short),
        ("labels.npz", _made_text),
        ("labels.npz", _without_one_name),
    ],
)
def test_a_damaged_file_is_named_with_how_to_get_it(folder, name, damage):
    damage(folder / name)
    with pytest.raises(ValueError, match=r"train_0.webp.*labels.npz beside it") as raised:
        read_packed(folder, "train")
    assert "python -m recipes.packing cifar10 FOLDER" in str(raised.value)


@pytest.mark.parametrize("number", [0, 100, 500, 799])
def test_a_part_that_does_not_fill_its_pictures_is_refused(parts, number, tmp_path):
    few = datasets.Part(*(array[:number] for array in parts["train"]))
    with pytest.raises(ValueError, match=f"The {number} images of 'train' do not fill"):
        write_packed(tmp_path / "new", {**parts, "train": few})
    assert not (tmp_path / "new").exists()


def test_without_tfds_and_packed_files_both_ways_are_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ImportError, match=r"(?s)pip install tensorflow-datasets.*recipes.packing"):
        datasets.cifar10(data_dir=tmp_path)


def test_the_command_packs_what_tfds_has(parts, monkeypatch, tmp_path, capsys):
    read = []

    def tfds(name, splits, data_dir):
        read.append((name, *splits, data_dir))
        return [parts["train"], parts["test"]]

    monkeypatch.setattr(datasets, "_tfds", tfds)
    packing.main(["cifar10", str(tmp_path / "new"), "--data-dir", str(tmp_path)])
    assert read == [("cifar10", "train", "test", tmp_path)]
    np.testing.assert_array_equal(read_packed(tmp_path / "new", "test")[0], parts["test"].x)
    assert "train_3.webp: 0.0 MiB" in capsys.readouterr().out


@pytest.mark.long
def test_the_packed_data_set_is_that_of_tfds(tmp_path):
    """Where TFDS has CIFAR-10, or may download it."""
    pytest.importorskip("tensorflow_datasets")
    packing.main(["cifar10", str(tmp_path)])
    ours, theirs = (datasets.cifar10(data_dir=where) for where in (tmp_path, None))
    for packed, original in zip(ours[:2], theirs[:2], strict=True):
        np.testing.assert_array_equal(packed.x, original.x)
        np.testing.assert_array_equal(packed.y, original.y)
