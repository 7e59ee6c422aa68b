"""Factors start at exactly one, and spread as a budget's target begins to fall."""

import numpy as np
import pytest
from helpers.toys import convnet, data, fit, mlp, switched

from keras_switcher import Budget, SwitcherModel
from keras_switcher.switchers import (
    ConstantInput,
    FreeFactors,
    RowSwitcher,
    ShuffledInput,
    UNetSwitcher,
)
from keras_switcher.switchers.heads import SPREAD

SWITCHERS = {
    "row": lambda: RowSwitcher(ceiling=None),
    "unet": UNetSwitcher,
    "unet per layer": lambda: UNetSwitcher(stacked=False),
    "free": lambda: FreeFactors(ceiling=None, seed=1),
    "shuffled": lambda: ShuffledInput(RowSwitcher(ceiling=None)),
    "constant": lambda: ConstantInput(RowSwitcher(ceiling=None)),
}


@pytest.mark.parametrize("connections", [False, True])
@pytest.mark.parametrize("name", SWITCHERS)
def test_factors_are_one_then_spread_with_progress(name, connections):
    model = SwitcherModel(mlp(units=400), SWITCHERS[name](), connections=connections)
    chosen = "hidden/connections" if connections else "hidden"
    for progress in (0.0, 0.08, 0.5, 1.0):
        model.switcher.spread(progress)
        factors = model.scaling_factors()[chosen]
        assert factors.mean() == pytest.approx(1, abs=0.05)
        # Of 1600 values none is 40 standard deviations from the mean, as at .08 it would have to be
        # in order to be below zero. A U-Net may start with a few that are so far off that later
        # they are; zero in their place is less of a spread.
        least = 0 if "unet" in name and progress > 0.08 else 0.88
        # Connections of the row switcher take the spread of a sum from that of its parts.
        full = progress * SPREAD
        assert least * full - 1e-6 <= factors.std() <= 1.12 * full + 1e-6


@pytest.mark.parametrize("start", ["near_one", "half_zeros"])
def test_factors_that_start_elsewhere_do_not_spread(start):
    model = SwitcherModel(mlp(units=40), RowSwitcher(start=start))
    before = model.scaling_factors()["hidden"]
    model.switcher.spread(1.0)
    np.testing.assert_array_equal(model.scaling_factors()["hidden"], before)


@pytest.mark.parametrize(("epoch", "opening"), [(0, 0), (2, 0), (2.5, 0.5), (3, 1), (9, 1)])
def test_a_budget_opens_in_the_first_quarter_of_its_fall(epoch, opening):
    budget = Budget(0.3, start_epoch=2, end_epoch=6)
    assert float(budget.initial_spread(epoch)) == pytest.approx(opening)


def test_factors_spread_once_the_target_falls_and_files_keep_it(tmp_path):
    x, y = data(shape=(8, 8, 1))
    budget = Budget(0.5, start_epoch=1, end_epoch=5)
    model = switched(convnet(), budget=budget, alternation="joint", rate=0.001)
    model.budget_progress.was_trained.assign(1.0)
    fit(model, x, y, batch_size=16, epochs=1)
    assert float(model.switcher.initial_spread) == 0
    fit(model, x, y, batch_size=16, epochs=1)
    assert 0 < float(model.switcher.initial_spread) < 1
    model.save_weights(tmp_path / "w.weights.h5")
    other = switched(convnet(), budget=budget, alternation="joint", rate=0.001)
    other.load_weights(tmp_path / "w.weights.h5")
    np.testing.assert_allclose(other(x), model(x), atol=1e-6)


def test_without_a_budget_nothing_spreads():
    model = switched(alternation="joint", rate=0.0)
    fit(model)
    assert float(model.switcher.initial_spread) == 0


@pytest.mark.parametrize("make", [RowSwitcher, FreeFactors])
def test_files_that_are_older_than_the_initial_spread_load(make):
    model = SwitcherModel(mlp(), make())
    store = {}
    model.switcher.save_own_variables(store)
    model.switcher.spread(0.25)
    older = {k: v + 1 for k, v in list(store.items())[: len(store) - make.later_weights]}
    model.switcher.load_own_variables(older)
    assert float(model.switcher.initial_spread) == 0.25
    if older:
        np.testing.assert_array_equal(model.switcher.parameters, older["0"])
    with pytest.raises(ValueError, match="variables"):
        model.switcher.load_own_variables({**store, "9": np.zeros(())})
