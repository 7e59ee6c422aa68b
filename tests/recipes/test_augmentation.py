"""Augmentation moves, mirrors and greys what its draws say, and is drawn anew for each epoch."""

import keras
import numpy as np
import pytest

from recipes.augmentation import CUT, GREY, KINDS, PADDING, augment, draw
from recipes.batches.numpy import NumPyBatches
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


def augmented(x, draws):
    """By keras.ops, in any backend's tensors, and by NumPy: the same pictures."""
    tensors = {name: keras.ops.convert_to_tensor(drawn) for name, drawn in draws.items()}
    found = keras.ops.convert_to_numpy(augment(keras.ops.convert_to_tensor(x), tensors))
    by_numpy = augment(x, draws, np)
    assert by_numpy.dtype == x.dtype == found.dtype
    np.testing.assert_array_equal(by_numpy, found)
    return found


def test_no_shift_and_no_flip_change_nothing(pictures):
    assert augment(pictures, {}) is pictures
    np.testing.assert_array_equal(augmented(pictures, draws()), pictures)


@pytest.mark.parametrize("shift", [(0, 0), (8, 8), (3, 6)])
def test_a_shift_cuts_the_window_out_of_the_padded_picture(pictures, shift):
    down, along = shift
    margin = (PADDING, PADDING)
    padded = np.pad(pictures, ((0, 0), margin, margin, (0, 0)))
    expected = padded[:, down : down + SIZE, along : along + SIZE]
    np.testing.assert_array_equal(augmented(pictures, draws(shift)), expected)


def test_a_flip_mirrors_what_is_cropped(pictures):
    mirrored = augmented(pictures, draws((2, 5), flip=1))
    plain = augmented(pictures, draws((2, 5)))
    np.testing.assert_array_equal(mirrored, plain[:, :, ::-1])


@pytest.mark.parametrize("cut", [(0, 0), (-4, 10), (28, 28)])
def test_cutout_greys_a_square_and_nothing_else(pictures, cut):
    found = augmented(pictures, draws(cut=cut))
    rows, columns = (slice(max(0, start), start + CUT) for start in cut)
    expected = pictures.copy()
    expected[:, rows, columns] = GREY
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_each_sample_has_its_own_draws(pictures, kind):
    drawn = draw(kind, NUMBER, SIZE, np.random.default_rng(1))
    together = augmented(pictures, drawn)
    for number in range(NUMBER):
        one = slice(number, number + 1)
        alone = augmented(pictures[one], {name: value[one] for name, value in drawn.items()})
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


def arrays(batches):
    """Pictures and labels of batches, each a list."""
    both = [tuple(map(keras.ops.convert_to_numpy, batch)) for batch in batches]
    return [list(each) for each in zip(*both, strict=True)]


def test_an_epoch_draws_alike_whether_resumed_or_not(pictures):
    part = Part(pictures, np.arange(NUMBER))

    def epoch(*epochs, kind="crop and flip"):
        shuffled = EpochShuffle(part, 4, 0, kind)
        for number in epochs:
            shuffled.on_epoch_begin(number)
        return arrays(shuffled.batches.data)

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


def test_a_batch_that_was_asked_for_before_an_epoch_is_none_of_it(pictures):
    """Keras asks for one when fit() begins, and the next ones are made beside it."""
    part = Part(pictures, np.arange(NUMBER))
    shuffled, fresh = (EpochShuffle(part, 2, 0, "crop and flip") for _ in range(2))
    next(iter(shuffled.batches.data))
    for shuffle in (shuffled, fresh):
        shuffle.on_epoch_begin(1)
    both = (arrays(shuffle.batches.data) for shuffle in (shuffled, fresh))
    for found, expected in zip(*both, strict=True):
        np.testing.assert_array_equal(np.concatenate(found), np.concatenate(expected))


@pytest.mark.parametrize("number", [40, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_batches_by_numpy_are_those_of_any_backend_epoch_by_epoch(kind, number):
    """Under TensorFlow `tf.data` makes them, elsewhere NumPy does, from seed and epoch alone."""
    random = np.random.default_rng(0)
    part = Part(random.integers(0, 256, (number, 8, 8, 3), "uint8"), random.integers(0, 9, number))
    shuffle = EpochShuffle(part, 16, 5, kind)
    by_numpy = NumPyBatches(part, 16, np.arange(number), draw(kind, number, 8, random))
    assert len(shuffle.batches) == len(by_numpy) == -(-number // 16)
    for epoch in (0, 1, 7):
        shuffle.on_epoch_begin(epoch)
        generator = np.random.default_rng([5, epoch])
        order = generator.permutation(number)
        draws = draw(kind, number, 8, generator)
        by_numpy.shuffle(order, draws)
        (x, y), (numpy_x, numpy_y) = arrays(shuffle.batches.data), arrays(by_numpy)
        assert [len(batch) for batch in x] == [len(batch) for batch in numpy_x]
        np.testing.assert_array_equal(np.concatenate(numpy_y), part.y[order])
        np.testing.assert_array_equal(np.concatenate(y), part.y[order])
        np.testing.assert_array_equal(np.concatenate(numpy_x), np.concatenate(x))
        np.testing.assert_array_equal(np.concatenate(x), augmented(part.x[order], draws))
