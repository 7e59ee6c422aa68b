"""RowSwitcher: what it must not depend on, where it starts, and that nothing breaks it."""

import contextlib

import keras
import numpy as np
import pytest
from helpers.gradients import gradient_of
from helpers.toys import convnet, fit, float64, mlp, randomize, same, switched, values
from keras import layers

from keras_switcher import SwitcherModel
from keras_switcher.switchers import RowSwitcher

PRECISIONS = {"float64": (float64, 1e-6), "float32": (contextlib.nullcontext, 1e-4)}


def lively(task, seed=0, **kwargs):
    """A model in which every weight counts, and most factors are neither 0 nor alike."""
    model = SwitcherModel(task, RowSwitcher(**kwargs))
    randomize(task.trainable_variables, seed=seed)
    randomize(model.switcher.trainable_variables, 0.3, seed=seed + 1)
    model.switcher.of_channels.gamma.assign(0.4)
    model.switcher.of_channels.beta.assign(2.0)
    return model


def factors(model):
    """The factors in the precision that they are computed in."""
    return dict(zip(model.factors(), values(model.factors().values()), strict=True))


def permute(layer, order, axis, block=None):
    """Reorders one axis of a layer's kernel; after Flatten, the channels within each position."""
    kernel, *bias = layer.get_weights()
    if block:
        order = (np.arange(0, len(kernel), block)[:, None] + order).ravel()
    changed = [weight[order] for weight in bias] if axis in (-1, 1) else bias
    layer.set_weights([np.take(kernel, order, axis=axis), *changed])


def permute_hidden(task, order):
    permute(task.get_layer("hidden"), order, -1)
    permute(task.get_layer("head"), order, -2)


def permute_first_convolution(task, order):
    permute(task.get_layer("first"), order, -1)
    norm = task.get_layer("norm")
    norm.set_weights([weight[order] for weight in norm.get_weights()])
    permute(task.get_layer("second"), order, -2)


def permute_channels_before_flatten(task, order):
    permute(task.get_layer("second"), order, -1)
    permute(task.get_layer("hidden"), order, 0, block=len(order))


CASES = [
    (mlp, "hidden", 8, permute_hidden),
    (convnet, "hidden", 8, permute_hidden),
    (convnet, "first", 4, permute_first_convolution),
    (convnet, "second", 6, permute_channels_before_flatten),
]


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("network", "group", "size", "permute_layers"), CASES)
def test_permuting_neurons_permutes_factors(network, group, size, permute_layers, precision):
    context, tolerance = PRECISIONS[precision]
    order = np.random.default_rng(2).permutation(size)
    with context():
        model = lively(network())
        before = factors(model)
        permute_layers(model.task, order)
        after = factors(model)
    for name, factor in before.items():
        reordered = factor
        if name == group:
            reordered = factor[order]
            assert np.ptp(factor) > 0.1
            assert np.abs(reordered - factor).max() > 0.1
        elif name == "hidden/inputs" and group == "second":
            reordered = factor.reshape(-1, size)[:, order].ravel()
        np.testing.assert_allclose(after[name], reordered, rtol=0, atol=tolerance)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_rescaling_a_kernel_before_a_normalisation_changes_nothing(precision):
    context, tolerance = PRECISIONS[precision]
    with context():
        model = lively(convnet(), ceiling=None)
        before = factors(model)
        kernel = model.task.get_layer("first").kernel
        kernel.assign(kernel * 7.0)
        for name, factor in factors(model).items():
            np.testing.assert_allclose(factor, before[name], rtol=0, atol=tolerance)
        kernel.assign(kernel * np.linspace(1, 2, 4))  # Per channel, which should matter.
        assert np.abs(factors(model)["first"] - before["first"]).max() > 0.01


def test_trained_switcher_runs_on_another_network():
    small, other = lively(mlp()), lively(convnet(), seed=5)
    other.switcher.set_weights(small.switcher.get_weights())
    twin = lively(mlp(), seed=7)
    twin.switcher.set_weights(small.switcher.get_weights())
    twin.task.set_weights(small.task.get_weights())
    for name, factor in factors(small).items():
        np.testing.assert_array_equal(factors(twin)[name], factor)
    for name, factor in factors(other).items():
        assert np.isfinite(factor).all()
        assert np.ptp(factor) > 0.05, f"{name} gets the same factor everywhere"


def test_number_of_parameters_does_not_depend_on_the_network():
    networks = [mlp(), mlp(units=50), convnet()]
    assert len({SwitcherModel(n).switcher.count_params() for n in networks}) == 1


def test_a_single_group():
    (factor,) = factors(SwitcherModel(mlp(), RowSwitcher(start="one"), groups=["hidden"])).values()
    np.testing.assert_array_equal(factor, np.ones(8))


def wide():
    """A network with many channels per group, so that shares are sharp."""
    hidden = layers.Dense(400, "relu", name="hidden")
    return keras.Sequential([keras.Input((300,)), hidden, layers.Dense(10)])


def test_start_at_one_is_exact():
    for factor in factors(SwitcherModel(convnet(), RowSwitcher(start="one"))).values():
        assert (factor == 1).all()


def test_start_at_half_zeros():
    zeros = []
    for seed in range(8):
        keras.utils.set_random_seed(seed)
        model = SwitcherModel(wide(), RowSwitcher(start="half_zeros"))
        zeros += [np.mean(factor == 0) for factor in factors(model).values()]
    assert 0.4 < np.mean(zeros) < 0.6
    assert min(zeros) > 0.25
    assert max(zeros) < 0.75


@pytest.mark.parametrize("seed", range(5))
def test_start_near_one(seed):
    keras.utils.set_random_seed(seed)
    for factor in factors(
        SwitcherModel(wide(), RowSwitcher(start="near_one", ceiling=None))
    ).values():
        assert factor.mean() == pytest.approx(1, abs=0.02)
        assert 0.25 < factor.std() < 0.35


def one_channel():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(1, 3, name="single"),
            layers.BatchNormalization(),
            layers.Conv2D(2, 3),
            layers.GlobalAveragePooling2D(),
            layers.Dense(1, "relu"),
            layers.Dense(3),
        ]
    )


def zeroed(network, name=""):
    task = network()
    for variable in task.trainable_variables:
        if name in variable.path:
            variable.assign(np.zeros(variable.shape))
    return task


DEGENERATE = {
    "one channel": one_channel,
    "all zero": lambda: zeroed(convnet),
    "one channel, all zero": lambda: zeroed(one_channel),
    "zero kernel": lambda: zeroed(convnet, "first/kernel"),
    "zero gamma": lambda: zeroed(convnet, "norm/gamma"),
}


@pytest.mark.parametrize("start", ["near_one", "one", "half_zeros"])
@pytest.mark.parametrize("network", DEGENERATE)
def test_degenerate_weights_give_finite_factors_and_gradients(network, start):
    model = SwitcherModel(DEGENERATE[network](), RowSwitcher(start=start))
    for factor in values(model.factors().values()):
        assert np.isfinite(factor).all()
        assert (factor >= 0).all()

    def weighted(variables):
        return [f * np.arange(1, 1 + len(f), dtype="float32") for f in model.factors().values()]

    for gradient in values(gradient_of(weighted, model.trainable_variables)):
        assert np.abs(gradient).max() < 1e6


def test_a_channel_alone_starts_at_one_and_is_trained():
    """It is always at its mean, which is zero for others from half zeros."""
    model = switched(mlp(units=1), RowSwitcher(start="half_zeros"), groups=["hidden"])
    before = values(model.switcher.trainable_variables)
    np.testing.assert_allclose(model.factors()["hidden"], [1], rtol=1e-6)
    fit(model)
    assert not same(before, model.switcher.trainable_variables)


def test_config_round_trip():
    switcher = RowSwitcher(units=5, start="half_zeros", ceiling=3.0, name="rows")
    again = RowSwitcher.from_config(switcher.get_config())
    assert again.get_config() == switcher.get_config()
    assert (again.units, again.start, again.ceiling) == (5, "half_zeros", 3.0)
    assert again.name == "rows"


def test_unknown_start_lists_the_choices():
    with pytest.raises(ValueError, match=r"near_one.*half_zeros"):
        RowSwitcher(start="nearone")


@pytest.mark.parametrize("units", ["foo", -1, 0, 3.5, None, True])
def test_a_width_that_is_no_whole_number_is_named(units):
    with pytest.raises(ValueError, match=rf"`units` must be .*units={units!r}"):
        RowSwitcher(units=units)
