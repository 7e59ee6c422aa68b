"""The paper's switcher: sizes, half zeros, gradients, and what does not leak."""

import keras
import numpy as np
import pytest
from helpers.gradients import gradient_of
from helpers.toys import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from keras_switcher.switchers import GroupRecord, KernelView, UNetSwitcher
from keras_switcher.switchers.unet_network import Normalize, UNet


def dense_record(name, kernel):
    rows = np.arange(kernel.shape[0])
    return GroupRecord(name, len(rows), (), (KernelView(kernel, 0, rows, rows),))


def conv_record(name, kernel):
    rows = np.arange(kernel.shape[-1])
    view = KernelView(kernel, len(kernel.shape) - 1, rows, rows)
    return GroupRecord(name, len(rows), (view,), ())


def random_kernel(*shape, dtype="float32"):
    return keras.Variable(keras.random.normal(shape, stddev=0.05, dtype=dtype), dtype=dtype)


def factors_of(switcher, records):
    if not switcher.built:
        switcher.build(records)
    return [ops.convert_to_numpy(factor) for factor in switcher(records=records)]


@settings(max_examples=examples(8))
@given(
    shapes=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=3),
    stacked=st.booleans(),
)
def test_any_number_of_matrices_of_any_size_gets_finite_factors(shapes, stacked):
    records = [dense_record(f"{i}", random_kernel(*shape)) for i, shape in enumerate(shapes)]
    factors = factors_of(UNetSwitcher(stacked=stacked), records)
    assert [factor.shape for factor in factors] == [(rows,) for rows, _ in shapes]
    for factor in factors:
        assert np.isfinite(factor).all()
        assert (factor >= 0).all()


def test_convolutions_and_matrices_together():
    kernels = [random_kernel(5, 5, 1, 20), random_kernel(3, 3, 20, 7)]
    records = [conv_record("a", kernels[0]), dense_record("b", random_kernel(30, 12))]
    records.append(conv_record("c", kernels[1]))
    assert [len(factor) for factor in factors_of(UNetSwitcher(), records)] == [20, 30, 7]


@pytest.mark.parametrize("stacked", [True, False])
def test_half_of_the_factors_start_at_zero(stacked):
    zeros = []
    for seed in range(6):
        keras.utils.set_random_seed(seed)
        records = [
            dense_record("a", random_kernel(200, 50)),
            dense_record("b", random_kernel(50, 9)),
        ]
        switcher = UNetSwitcher(stacked=stacked, start="half_zeros")
        zeros.append(np.mean(np.concatenate(factors_of(switcher, records)) == 0))
    assert 0.4 < np.mean(zeros) < 0.6


def test_near_one_starts_with_mean_one_and_spread_three_tenths():
    factors = factors_of(
        UNetSwitcher(start="near_one"), [dense_record("a", random_kernel(300, 50))]
    )[0]
    assert np.mean(factors) == pytest.approx(1, abs=0.05)
    assert np.std(factors) == pytest.approx(0.3, abs=0.05)


@pytest.mark.only("tensorflow", reason="Under others Keras takes means in float32 alone.")
def test_the_gradient_with_respect_to_a_weight_is_that_of_finite_differences():
    kernel = random_kernel(12, 8, dtype="float64")
    switcher = UNetSwitcher(dtype="float64", depth=1, start="near_one")
    switcher.build([dense_record("a", kernel)])
    weights = np.linspace(-1, 1, 12)

    def value(matrix):
        return ops.sum(switcher(records=[dense_record("a", matrix)])[0] * weights)

    matrix = ops.convert_to_numpy(kernel)
    gradient = ops.convert_to_numpy(gradient_of(value, matrix))
    step = np.zeros((12, 8))
    step[5, 3] = 1e-7
    difference = (value(matrix + step) - value(matrix - step)) / 2e-7
    assert gradient[5, 3] == pytest.approx(float(difference), rel=1e-4)
    assert np.count_nonzero(gradient) > gradient.size / 2


def test_a_network_per_group_reads_its_own_group_alone():
    first, second = random_kernel(20, 10), random_kernel(16, 6)
    switcher = UNetSwitcher(stacked=False, start="near_one")
    records = [dense_record("a", first), dense_record("b", second)]
    before = factors_of(switcher, records)
    second.assign(second * 3 + 1 * keras.random.normal(second.shape))
    after = factors_of(switcher, records)
    np.testing.assert_array_equal(before[0], after[0])
    assert not np.allclose(before[1], after[1])


def test_one_channel_alone_starts_at_one_and_not_at_zero():
    records = [dense_record("a", random_kernel(1, 10))]
    assert factors_of(UNetSwitcher(start="half_zeros"), records)[0].tolist() == [1.0]


def test_instance_normalization_is_the_same_in_training_and_inference():
    records = [dense_record("a", random_kernel(40, 20))]
    for normalization, same in (("instance", True), ("batch", False)):
        switcher = UNetSwitcher(start="near_one", normalization=normalization)
        switcher.build(records)
        training, inference = (switcher(records=records, training=t)[0] for t in (True, False))
        assert np.allclose(training, inference) == same


def test_normalize_gives_mean_beta_and_spread_gamma_per_channel():
    norm = Normalize(gamma=0.3, beta=1.0)
    norm.build((None, 5))
    outputs = ops.convert_to_numpy(norm(keras.random.normal((1, 30, 20, 5), mean=3, stddev=2)))
    np.testing.assert_allclose(outputs.mean((0, 1, 2)), 1, atol=1e-5)
    np.testing.assert_allclose(outputs.std((0, 1, 2)), 0.3, atol=1e-5)


def test_number_of_weights_is_that_of_the_levels():
    network = UNet(depth=2)
    network.build((16, 12, 1))
    encoder = 9 * (1 * 8 + 8 * 16 + 16 * 32)
    rows = 12 * 8 * 8 + 6 * 16 * 16 + 3 * 32 * 32
    decoder = (2 * 16 * 32 + 2 * 16 * 16) + (2 * 8 * 16 + 2 * 8 * 8)
    norms = 2 * (2 * (8 + 16 + 32) + 16 + 8)
    assert network.count_params() == encoder + rows + decoder + norms + 8


def test_config_round_trip():
    config = UNetSwitcher(stacked=False, start="half_zeros", depth=3, row_width=9).get_config()
    assert UNetSwitcher.from_config(config).get_config() == config


@pytest.mark.parametrize(
    ("argument", "named"),
    [({"start": "zeros"}, "half_zeros"), ({"normalization": "layer"}, "instance")],
)
def test_unknown_choices_are_refused_with_the_choices(argument, named):
    with pytest.raises(ValueError, match=named):
        UNetSwitcher(**argument)


@pytest.mark.parametrize("argument", [{"depth": 0}, {"depth": 1.5}, {"row_width": 0}])
def test_sizes_must_be_positive_integers(argument):
    with pytest.raises(ValueError, match="positive integer"):
        UNetSwitcher(**argument)
