"""What makes factors of raw values."""

import keras
import numpy as np
import pytest
from helpers.gradients import gradient_of
from helpers.toys import in_double, mlp
from hypothesis import given
from hypothesis import strategies as st

from keras_switcher import SwitcherModel
from keras_switcher.switchers import FreeFactors, RowSwitcher
from keras_switcher.switchers.heads import as_factors

CEILINGS = st.floats(1.01, 100)
RAW = st.floats(-1e4, 1e4, width=32)


@given(RAW, CEILINGS)
def test_factors_stay_between_zero_and_the_ceiling(value, ceiling):
    factor = float(as_factors(np.float64(value), ceiling))
    assert 0 <= factor < ceiling
    assert (factor == 0) == (value <= 0)
    assert (factor >= 1) == (value >= 1)


@given(st.lists(RAW, min_size=2), CEILINGS)
def test_factors_keep_the_order_of_the_values(values, ceiling):
    factors = np.asarray(as_factors(np.sort(np.float64(values)), ceiling))
    assert (np.diff(factors) >= 0).all()


@given(CEILINGS)
def test_slopes(ceiling):
    """c / (c - 1) just above zero, its inverse at one, none below zero."""
    with in_double():
        slopes = gradient_of(
            lambda values: as_factors(values, ceiling), np.array([-1.0, 1e-9, 1.0])
        )
    steep = ceiling / (ceiling - 1)
    np.testing.assert_allclose(slopes, [0, steep, 1 / steep], rtol=1e-6)


def test_one_is_exactly_one():
    for ceiling in (1.5, 2.0, 3.0, 10.0):
        assert float(as_factors(np.float32(1), ceiling)) == 1


def test_without_a_ceiling_the_value_itself():
    values = np.float32([-3, 0, 0.5, 7])
    np.testing.assert_array_equal(as_factors(values, None), [0, 0, 0.5, 7])


@pytest.mark.parametrize("connections", [False, True])
@pytest.mark.parametrize("switcher", [RowSwitcher, FreeFactors])
def test_a_switcher_bounds_what_it_would_return_without(switcher, connections):
    task = mlp()
    keras.utils.set_random_seed(1)
    free = SwitcherModel(task, switcher(start="half_zeros", ceiling=None), connections=connections)
    bound = SwitcherModel(task, switcher(start="half_zeros", ceiling=1.2), connections=connections)
    bound.switcher.set_weights(free.switcher.get_weights())
    largest = 0.0
    for name, raw in free.scaling_factors().items():
        expected = 1.2 * np.maximum(raw, 0) / (np.maximum(raw, 0) + 0.2)
        np.testing.assert_allclose(bound.scaling_factors()[name], expected, rtol=1e-6)
        largest = max(largest, raw.max())
    assert largest > 1.2


@pytest.mark.parametrize("switcher", [RowSwitcher, FreeFactors])
@pytest.mark.parametrize("ceiling", [1, 0.5, 0, -2, float("nan"), "high"])
def test_a_ceiling_that_is_not_above_one_is_refused(switcher, ceiling):
    with pytest.raises(ValueError, match=rf"above 1.*ceiling={ceiling!r}"):
        switcher(ceiling=ceiling)
