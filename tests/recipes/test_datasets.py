"""Splits are what they say, and a missing package is named."""

import sys

import keras
import numpy as np
import pytest

from recipes import datasets
from recipes.training import EpochShuffle

pytest.importorskip("sklearn")


def _rows(part):
    return {row.tobytes() for row in part.x}


def test_digits_splits_are_disjoint_stratified_and_seeded():
    tested, validated = datasets.digits(), datasets.digits(validate=True)
    assert (tested.split, validated.split) == ("test", "validation")
    sizes = [len(part.y) for part in (*tested[:2], *validated[:2])]
    assert sizes == [1438, 359, 1079, 359]
    assert _rows(tested.train) == _rows(validated.train) | _rows(validated.held_out)
    assert not _rows(validated.train) & _rows(validated.held_out)
    assert not _rows(tested.train) & _rows(tested.held_out)
    for part in (tested.held_out, validated.held_out):
        assert np.bincount(part.y).min() >= 34
    np.testing.assert_array_equal(datasets.digits().held_out.x, tested.held_out.x)
    assert _rows(datasets.digits(seed=1).held_out) != _rows(tested.held_out)
    assert tested.train.x.min() == 0
    assert tested.train.x.max() == 1


def test_a_part_of_cifar10_has_as_many_of_each_class_and_the_same_ones_in_any_order(monkeypatch):
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (1000, 4, 4, 3), "uint8")
    y, test = np.arange(1000) % 10, datasets.Part(x[:70], np.zeros(70, int))
    monkeypatch.setattr(datasets, "CIFAR10_PART", 30)
    monkeypatch.setattr(datasets, "CIFAR10_VALIDATED", 150)

    def part(order, validate=False):
        found = datasets.Data(datasets.Part(x[order], y[order]), test, "test")
        monkeypatch.setattr(datasets, "cifar10", lambda validate, data_dir: found)
        return datasets.cifar10_part(validate)

    given, shuffled = part(np.arange(1000)), part(generator.permutation(1000))
    np.testing.assert_array_equal(given.train.x, shuffled.train.x)
    assert np.bincount(given.train.y).tolist() == [30] * 10
    assert (given.split, given.held_out) == ("test", test)
    validated = part(np.arange(1000), validate=True)
    np.testing.assert_array_equal(validated.train.x, given.train.x)
    assert validated.split == "validation"
    assert np.bincount(validated.held_out.y).tolist() == [15] * 10
    assert not _rows(validated.train) & _rows(validated.held_out)
    for found in (given.train, validated.held_out):
        labels = {image.tobytes(): label for image, label in zip(x, y, strict=True)}
        assert [labels[image.tobytes()] for image in found.x] == found.y.tolist()


@pytest.mark.parametrize(
    ("module", "load", "words"),
    [
        ("sklearn.datasets", datasets.digits, r"pip install 'keras-switcher\[recipes\]'"),
        ("tensorflow_datasets", datasets.mnist, "pip install tensorflow-datasets"),
    ],
)
def test_missing_package_is_named(module, load, words, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=words):
        load()


def test_order_depends_on_seed_and_epoch_alone():
    part = datasets.Part(np.arange(10, dtype="float32")[:, None], np.arange(10))

    def order(seed, *epochs):
        shuffled = EpochShuffle(part, 4, seed)
        for epoch in epochs:
            shuffled.on_epoch_begin(epoch)
        batches = [keras.ops.convert_to_numpy(y) for _, y in shuffled.batches.data]
        assert [len(batch) for batch in batches] == [4, 4, 2]
        return np.concatenate(batches).tolist()

    assert order(0, 0, 1, 2) == order(0, 2)
    assert sorted(order(0, 2)) == list(range(10))
    assert len({tuple(order(*which)) for which in ((0, 0), (0, 1), (1, 0), (1, 1))}) == 4
