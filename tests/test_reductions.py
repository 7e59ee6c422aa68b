"""Sums by way of products with ones: what they are, and their gradients."""

import numpy as np
import pytest
from helpers.gradients import compiled, gradient_of, value_and_gradient
from helpers.toys import float64_error, in_double
from keras import ops

from keras_switcher.reductions import column_sums, row_sums, times, total

MATRIX = np.random.default_rng(0).normal(size=(7, 5))


@pytest.fixture(autouse=True)
def double():
    with in_double():
        yield


def test_sums_are_numpys():
    matrix = ops.convert_to_tensor(MATRIX)
    error = float64_error(0)  # Of each number that is added.
    np.testing.assert_allclose(row_sums(matrix), MATRIX.sum(1), rtol=1e-12, atol=5 * error)
    assert float(total(matrix)) == pytest.approx(MATRIX.sum(), rel=1e-12, abs=35 * error)
    assert float(total(matrix[0])) == pytest.approx(MATRIX[0].sum(), rel=1e-12)


@pytest.mark.parametrize("rows", [1, 7, 8, 24, 29])
@pytest.mark.parametrize("jit", [False, True])
def test_column_sums_and_their_gradient(rows, jit):
    matrix = np.random.default_rng(rows).normal(size=(rows, 5))
    weights = np.arange(1.0, 6.0)

    def sums_and_gradient(matrix):
        return column_sums(matrix), gradient_of(lambda m: column_sums(m) * weights, matrix)

    run = compiled(sums_and_gradient) if jit else sums_and_gradient
    sums, gradient = run(ops.convert_to_tensor(matrix))
    np.testing.assert_allclose(sums, matrix.sum(0), rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(gradient, np.broadcast_to(weights, matrix.shape))


def test_counts_are_exact():
    assert float(total(ops.ones((4000, 3000), "float32"))) == 12_000_000


@pytest.mark.parametrize("jit", [False, True])
def test_times_has_the_gradients_of_a_product(jit):
    given = [ops.convert_to_tensor(MATRIX), ops.convert_to_tensor(1.7, "float64")]

    def loss_and_gradients(product):
        def run(*given):
            value, gradients = value_and_gradient(lambda v: ops.square(product(*v)), [*given])
            return value, *gradients

        return (compiled(run) if jit else run)(*given)

    for ours, plain in zip(
        loss_and_gradients(times), loss_and_gradients(ops.multiply), strict=True
    ):
        np.testing.assert_allclose(ours, plain, rtol=float64_error(1e-12))
