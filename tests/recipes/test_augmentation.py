"""Augmentation moves, mirrors and greys what its draws say, and is drawn anew for each epoch."""

import numpy as np
import pytest

from recipes.augmentation import CUT, GREY, KINDS, PADDING, augment, draw
from recipes.datasets import Part
from recipes.training import EpochShuffle

SIZE, NUMBER = 32, 6


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(1, 256, (NUMBER, SIZE, SIZE, 3), "uint8")


def draws(shift=(PADDING, PADDING), flip=0, cut=None):
    made = {"shift": np.tile(shift, (NUMBER, 1)), "flip": np.full((NUMBER, 1), flip)}
    if cut:
        made["cut"] = np.tile(cut, (NUMBER, 1))
    return {name: value.astype("int32") for name, value in made.items()}


def test_no_shift_and_no_flip_change_nothing(pictures):
    assert augment(pictures, {}) is pictures
    np.testing.assert_array_equal(augment(pictures, draws()), pictures)


@pytest.mark.parametrize("shift", [(0, 0), (8, 8), (3, 6)])
def test_a_shift_cuts_the_window_out_of_the_padded_picture(pictures, shift):
    down, along = shift
    margin = (PADDING, PADDING)
    padded = np.pad(pictures, ((0, 0), margin, margin, (0, 0)))
    expected = padded[:, down : down + SIZE, along : along + SIZE]
    np.testing.assert_array_equal(augment(pictures, draws(shift)), expected)


def test_a_flip_mirrors_what_is_cropped(pictures):
    mirrored = augment(pictures, draws((2, 5), flip=1))
    plain = np.asarray(augment(pictures, draws((2, 5))))
    np.testing.assert_array_equal(mirrored, plain[:, :, ::-1])


@pytest.mark.parametrize("cut", [(0, 0), (-4, 10), (28, 28)])
def test_cutout_greys_a_square_and_nothing_else(pictures, cut):
    found = np.asarray(augment(pictures, draws(cut=cut)))
    rows, columns = (slice(max(0, start), start + CUT) for start in cut)
    expected = pictures.copy()
    expected[:, rows, columns] = GREY
    np.testing.assert_array_equal(found, expected)


def test_each_sample_has_its_own_draws(pictures):
    drawn = draw("crop, flip and Cutout", NUMBER, SIZE, np.random.default_rng(1))
    together = np.asarray(augment(pictures, drawn))
    for number in range(NUMBER):
        one = slice(number, number + 1)
        alone = augment(pictures[one], {name: value[one] for name, value in drawn.items()})
        np.testing.assert_array_equal(together[one], alone)


@pytest.mark.parametrize("kind", KINDS)
def test_draws_reach_every_place_alike(kind):
    drawn = draw(kind, 20_000, SIZE, np.random.default_rng(0))
    if kind == "none":
        assert drawn == {}
        return
    counts = np.bincount(drawn["shift"].ravel())
    assert len(counts) == 2 * PADDING + 1
    assert counts.min() > 0.9 * counts.max()
    assert drawn["flip"].mean() == pytest.approx(0.5, abs=0.02)
    assert ("cut" in drawn) == ("Cutout" in kind)
    if "cut" in drawn:
        assert (drawn["cut"].min(), drawn["cut"].max()) == (-CUT // 2, SIZE - 1 - CUT // 2)


def test_an_epoch_draws_alike_whether_resumed_or_not(pictures):
    part = Part(pictures, np.arange(NUMBER))

    def epoch(*epochs, kind="crop and flip"):
        shuffled = EpochShuffle(part, 4, 0, kind)
        for number in epochs:
            shuffled.on_epoch_begin(number)
        return [x.numpy() for x, _ in shuffled.batches], [y.numpy() for _, y in shuffled.batches]

    (x, y), (resumed, labels) = epoch(0, 1, 2), epoch(2)
    np.testing.assert_array_equal(np.concatenate(x), np.concatenate(resumed))
    np.testing.assert_array_equal(np.concatenate(y), np.concatenate(labels))
    assert [len(batch) for batch in x] == [4, 2]
    assert x[0].dtype == np.uint8
    assert not np.array_equal(x[0], epoch(1)[0][0])
    # Samples come in the order that they have without augmentation.
    plain, same = epoch(2, kind="none")
    np.testing.assert_array_equal(np.concatenate(same), np.concatenate(labels))
    np.testing.assert_array_equal(np.concatenate(plain), pictures[np.concatenate(labels)])
