"""Mini-ImageNet's folders are read as they are, and everything that is wrong in them is named."""

import numpy as np
import pytest
from PIL import Image

from recipes import mini_imagenet as read
from recipes.mini_imagenet import mini_imagenet

CLASSES = ("n01", "n02", "n03")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three classes of four and two images of 6x6, each of one colour."""
    monkeypatch.setattr(read, "SIZE", 6)
    monkeypatch.setattr(read, "CLASSES", len(CLASSES))
    monkeypatch.setattr(read, "COUNTS", {"train": 4, "val": 2})
    monkeypatch.setattr(read, "VALIDATED", 1)
    for part, count in read.COUNTS.items():
        for label, name in enumerate(CLASSES):
            for number in range(count):
                path = tmp_path / part / name / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                save(path, (label, number, 7 if part == "val" else 0))
    return tmp_path


def save(path, colour, size=(6, 6)):
    Image.new("RGB", size, colour).save(path)


def test_images_and_classes_are_those_of_the_folders(folder):
    data = mini_imagenet(data_dir=folder)
    assert data.split == "test"
    for part, count, blue in (data.train, 4, 0), (data.held_out, 2, 7):
        assert part.x.shape == (3 * count, 6, 6, 3)
        assert (part.x.dtype, part.y.tolist()) == (np.uint8, np.repeat(range(3), count).tolist())
        numbers = np.tile(np.arange(count), 3)
        expected = np.stack([part.y, numbers, np.full_like(numbers, blue)], axis=1)
        np.testing.assert_array_equal(part.x[:, 3, 3], expected)
        assert (part.x == part.x[:, :1, :1]).all()


def test_pillow_reads_what_tensorflow_reads(folder):
    paths = sorted((folder / "train").rglob("*.png"))
    random = np.random.default_rng(0)
    for path in paths:
        Image.fromarray(random.integers(0, 256, (6, 6, 3), "uint8")).save(path)
    x, y = read._by_pillow(folder / "train", paths)
    found = mini_imagenet(data_dir=folder).train
    np.testing.assert_array_equal(x, found.x)
    np.testing.assert_array_equal(y, found.y)


def test_validation_is_the_last_of_each_class(folder):
    data = mini_imagenet(validate=True, data_dir=folder)
    assert data.split == "validation"
    assert data.train.x[:, 0, 0, 1].tolist() == [0, 1, 2] * 3
    assert data.held_out.x[:, 0, 0, 1].tolist() == [3] * 3
    assert data.held_out.y.tolist() == [0, 1, 2]


def add_class(folder):
    for part, count in read.COUNTS.items():
        (folder / part / "n04").mkdir()
        for number in range(count):
            save(folder / part / "n04" / f"{number}.png", (9, 9, 9))


def rename_class(folder):
    (folder / "val" / "n02").rename(folder / "val" / "n99")


def write_text(folder):
    (folder / "train" / "n02" / "1.png").write_text("no image")


def cut_short(folder):
    path = folder / "train" / "n02" / "1.png"
    path.write_bytes(path.read_bytes()[:-20])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (add_class, "train has 4 classes; Mini-ImageNet has 3"),
        (rename_class, "have other classes: n02, n99"),
        (lambda f: (f / "train/n03/2.png").unlink(), r"4 images of each class.*n03 \(3\)"),
        (lambda f: save(f / "val/n01/9.png", (0, 0, 0)), r"2 images of each class.*n01 \(3\)"),
        (lambda f: save(f / "val/n01/0.png", (0, 0, 0), (8, 6)), r"n01/0.png \(8x6\)"),
        (write_text, r"n02/1.png \(no image that can be read\)"),
        (cut_short, r"n02/1.png \(no image that can be read\)"),
    ],
)
def test_a_wrong_folder_is_named(folder, change, words):
    change(folder)
    with pytest.raises(ValueError, match=words):
        mini_imagenet(data_dir=folder)


def test_files_of_other_kinds_are_named_and_hidden_ones_left_out(folder):
    (folder / "train" / ".DS_Store").touch()
    (folder / "train" / "n01" / ".DS_Store").touch()
    assert len(mini_imagenet(data_dir=folder).train.y) == 12
    for path in (folder / "val" / "n02").iterdir():
        Image.open(path).save(path.with_suffix(".webp"))
        path.unlink()
    with pytest.raises(ValueError, match=r"n02/0.webp \(not one of .png, .jpg, .jpeg, .bmp\)"):
        mini_imagenet(data_dir=folder)


@pytest.mark.parametrize("there", [None, "elsewhere", "train"])
def test_without_data_it_is_said_how_to_get_them(tmp_path, there):
    (tmp_path / "train").mkdir()
    with pytest.raises(FileNotFoundError, match="ILSVRC2012") as raised:
        mini_imagenet(data_dir=there and tmp_path / there)
    assert "FOLDER/val/CLASS/" in str(raised.value)
