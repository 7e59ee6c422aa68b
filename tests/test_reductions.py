"""Sums by way of products with ones: what they are, and their gradients."""

import numpy as np
import pytest
import tensorflow as tf

from keras_switcher.reductions import column_sums, row_sums, times, total

MATRIX = np.random.default_rng(0).normal(size=(7, 5))


def test_sums_are_numpys():
    np.testing.assert_allclose(row_sums(tf.constant(MATRIX)), MATRIX.sum(1), rtol=1e-12)
    assert float(total(tf.constant(MATRIX))) == pytest.approx(MATRIX.sum(), rel=1e-12)
    assert float(total(tf.constant(MATRIX[0]))) == pytest.approx(MATRIX[0].sum(), rel=1e-12)


@pytest.mark.parametrize("rows", [1, 7, 8, 24, 29])
@pytest.mark.parametrize("jit", [False, True])
def test_column_sums_and_their_gradient(rows, jit):
    matrix = np.random.default_rng(rows).normal(size=(rows, 5))
    weights = np.arange(1.0, 6.0)

    @tf.function(jit_compile=jit)
    def sums_and_gradient(matrix):
        with tf.GradientTape() as tape:
            tape.watch(matrix)
            sums = column_sums(matrix)
            loss = tf.reduce_sum(sums * weights)
        return sums, tape.gradient(loss, matrix)

    sums, gradient = sums_and_gradient(tf.constant(matrix))
    np.testing.assert_allclose(sums, matrix.sum(0), rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(gradient, np.broadcast_to(weights, matrix.shape))


def test_counts_are_exact():
    assert float(total(tf.ones((4000, 3000)))) == 12_000_000


@pytest.mark.parametrize("jit", [False, True])
def test_times_has_the_gradients_of_a_product(jit):
    matrix, scalar = tf.constant(MATRIX), tf.constant(1.7, "float64")

    def loss_and_gradients(product):
        @tf.function(jit_compile=jit)
        def run():
            with tf.GradientTape() as tape:
                tape.watch([matrix, scalar])
                loss = tf.reduce_sum(tf.square(product(matrix, scalar)))
            return loss, *tape.gradient(loss, [matrix, scalar])

        return run()

    for ours, plain in zip(loss_and_gradients(times), loss_and_gradients(tf.multiply), strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-12)
