"""Groups that are off as a whole keep a gradient, and can come back."""

import keras
import numpy as np
import pytest
from helpers.gradients import gradient_of
from helpers.toys import fit, mlp, switched
from keras import ops

from keras_switcher import Budget, SwitcherModel
from keras_switcher.switchers import RowSwitcher
from keras_switcher.switchers.heads import as_factors
from keras_switcher.switchers.straight_through import straight_through


def test_what_is_off_passes_gradients_on_and_stays_as_it_is():
    def heard(values):
        return straight_through(as_factors(values, 1.5), values, [False, False, True, True])

    values = ops.convert_to_tensor([-1.0, 1.0, -3.0, 1.0])
    np.testing.assert_array_equal(heard(values), as_factors(values, 1.5))
    np.testing.assert_allclose(gradient_of(heard, values), [0, 1 / 3, 1, 1 / 3 + 1], rtol=1e-6)


def slope_of_beta(model):
    """How fast the factors of each group grow, in the mean, with what all raw values have added."""
    beta = model.switcher.of_channels.beta

    def mean_of(name):
        return lambda beta: ops.mean(model.factors()[name])

    return {name: float(gradient_of(mean_of(name), beta)) for name in model.factors()}


def test_only_a_group_that_is_off_as_a_whole_passes_gradients_on():
    model = SwitcherModel(mlp(), RowSwitcher(start="half_zeros", ceiling=None))
    shares = {name: (factor > 0).mean() for name, factor in model.scaling_factors().items()}
    assert 0 < min(shares.values()) <= max(shares.values()) < 1
    assert slope_of_beta(model) == pytest.approx(shares)
    model.switcher.of_channels.beta.assign(-9.0)
    assert not any(factor.any() for factor in model.scaling_factors().values())
    assert slope_of_beta(model) == pytest.approx(dict.fromkeys(shares, 1))


@pytest.mark.parametrize("alternation", ["joint", "batch"])
def test_a_network_that_is_off_as_a_whole_comes_back(alternation):
    keras.utils.set_random_seed(1)
    budget = Budget(0.2, start_epoch=0, end_epoch=1)
    model = switched(mlp(units=64), alternation=alternation, budget=budget, rate=0.02)
    model.switcher.of_channels.beta.assign(-0.5)
    assert not any(factor.any() for factor in model.scaling_factors().values())
    fit(model, epochs=40)
    groups = model.structure().to_dict()["groups"]
    assert all(group["kept"] for group in groups.values())
