"""Checks of arguments: what passes as a number, a whole number, an allocation and a floor."""

import numpy as np
import pytest

from keras_switcher.arguments import (
    check_allocation,
    check_floor,
    check_number,
    is_number,
    is_whole,
    own_arguments,
)


@pytest.mark.parametrize("value", [1, 1.0, np.float32(1), np.int64(1)])
def test_numbers(value):
    assert is_number(value)


@pytest.mark.parametrize("value", [True, "1", None, float("nan"), float("inf"), 1j, np.ones(1)])
def test_what_is_no_number(value):
    assert not is_number(value)
    assert not is_whole(value, 0)
    with pytest.raises(ValueError, match=r"`floor` must be a share from 0 to below 1\. Received"):
        check_floor(value)


def test_whole_numbers_begin_somewhere():
    assert is_whole(np.int64(2), 2)
    assert not is_whole(1, 2)
    assert not is_whole(2.0, 2)


def test_ranges_have_their_ends_or_not():
    check_number("rate", 0, "a share", least=0, most=1)
    check_number("rate", 1, "a share", least=0, most=1)
    for value in (0, 1):
        with pytest.raises(ValueError, match=f"`rate` must be a share. Received: rate={value}"):
            check_number("rate", value, "a share", least=0, above=True, most=1)


@pytest.mark.parametrize("value", ["local", None, ["global"]])
def test_allocations_have_names(value):
    check_allocation("uniform")
    with pytest.raises(ValueError, match=r"one of \('global', 'uniform'\), or so\. Received"):
        check_allocation(value, ", or so")


def test_own_arguments_are_those_of_the_class_and_not_of_one_that_is_made_of_it():
    class Point:
        def __init__(self, x, y=2, **kwargs):
            self.x, self.y, self.kwargs = x, y, kwargs

    class Named(Point):
        def __init__(self, name):
            super().__init__(1, name=name)

    assert own_arguments(Point, Named("here")) == {"x": 1, "y": 2}
