"""Times are fitted by products of numbers of channels, with no negative part."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from keras_switcher.latency.fitting import fit_products

GRID = np.array([(a, b) for a in (8, 16, 24, 32) for b in (4, 8, 12, 16)])


def times_of(coefficients):
    inputs, outputs = GRID.T
    return np.stack([np.ones(len(GRID)), inputs, outputs, inputs * outputs], 1) @ coefficients


@given(arrays(float, 4, elements=st.floats(1e-3, 10)))
def test_what_is_such_a_sum_is_found_again(coefficients):
    found = fit_products(times_of(coefficients), *GRID.T)
    np.testing.assert_allclose(found, coefficients, rtol=1e-5, atol=1e-7)


@given(arrays(float, 16, elements=st.floats(0.1, 10)))
def test_nothing_is_negative_and_no_subset_fits_better(times):
    found = fit_products(times, *GRID.T)
    assert (found >= 0).all()
    assert found.any()

    def error(coefficients):
        return ((times_of(coefficients) / times - 1) ** 2).sum()

    for step in np.eye(4) * 1e-4 * found.max():
        for other in (found + step, np.maximum(found - step, 0)):
            assert error(found) <= error(other) + 1e-9


def test_tied_numbers_of_channels_have_a_linear_and_a_square_part():
    sizes = np.array([4, 8, 12, 16])
    found = fit_products(3 + 2.0 * sizes + 0.5 * sizes**2, sizes, sizes)
    assert found[0] == pytest.approx(3)
    assert found[1] + found[2] == pytest.approx(2)
    assert found[3] == pytest.approx(0.5)
