"""Means over groups that are laid end to end, and what a group has, given to each of its values."""

import numpy as np
import pytest

from keras_switcher.reductions import Segments

VALUES = np.random.default_rng(0).normal(size=(6, 2)).astype("float32")


@pytest.mark.parametrize("values", [VALUES, VALUES[:, 0]])
def test_means_are_numpys_and_zero_without_values(values):
    of_each = np.array([2, 0, 2, 3, 0, 2])
    means = np.array(Segments(of_each, 4).means(values))
    expected = [values[[1, 4]].mean(0), 0 * values[0], values[[0, 2, 5]].mean(0), values[3]]
    np.testing.assert_allclose(means, expected, rtol=1e-6)


def test_each_value_gets_what_its_group_has():
    given = Segments(np.array([1, 0, 1]), 2).to_members(VALUES[:2])
    np.testing.assert_array_equal(given, VALUES[[1, 0, 1]])


def test_a_group_per_value_is_left_as_it_is():
    assert Segments(np.arange(6), 6).means(VALUES) is VALUES
