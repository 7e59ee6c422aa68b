"""A budget waits until the network learns, and for no longer than its fall takes."""

import keras
import numpy as np
import pytest
from helpers.lengths import long_but
from helpers.toys import crossentropy, data, fit, mlp, same, switched, values
from keras import layers

from keras_switcher import Budget
from keras_switcher.training.budget.state import (
    FIRST_UPDATES,
    GRADIENT_DECAY,
    LOSS_DECAY,
    OF_FIRST,
    BudgetState,
)


def seen(losses, shuffled=None):
    """The state after these losses, and whether the network learned after each of them."""
    progress, learned = BudgetState(), []
    for loss, other in zip(losses, shuffled or losses, strict=True):
        progress.see_loss(loss, other)
        learned.append(bool(progress.is_learning.numpy()))
    return progress, learned


def test_running_losses_are_weighted_means_and_the_first_one_is_a_plain_mean():
    losses = np.linspace(2, 1, 25)
    progress, _ = seen(losses)
    weights = LOSS_DECAY ** np.arange(25)[::-1]
    total, _, weight = progress.running_losses.numpy()
    assert total / weight == pytest.approx((weights * losses).sum() / weights.sum(), rel=1e-5)
    assert float(progress.first_loss) == pytest.approx(losses[:FIRST_UPDATES].mean(), rel=1e-5)


@pytest.mark.parametrize("shift", [0.0, -10.0])
@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_a_network_learns_while_its_loss_is_well_below_the_first(unit, shift):
    """In any unit; losses below zero fall likewise."""
    first = unit * abs(shift or 1) * (1 if shift == 0 else -1)
    fall = (1 - OF_FIRST) * abs(first)
    near, far = [first - 0.9 * fall] * 80, [first - 1.1 * fall] * 80
    _, learned = seen([first] * 20 + near + far + near)
    assert not any(learned[:100])
    assert learned[179]
    assert not learned[-1], "a network that falls back is waited for again"


@pytest.mark.parametrize(
    ("loss", "shuffled", "knows"),
    [(1.0, 2.5, True), (0.1, 0.105, False), (-3.0, 4.0, True), (2.3, 2.3, False)],
)
def test_what_a_network_knew_before_shows_in_its_first_losses(loss, shuffled, knows):
    _, learned = seen([loss] * 200, [shuffled] * 200)
    assert learned == [knows] * 200


def test_a_moderate_lead_counts_after_as_many_updates_as_the_first_loss_has():
    _, learned = seen([0.8] * 30, [1.0] * 30)
    assert learned == [False] * (FIRST_UPDATES - 1) + [True] * (31 - FIRST_UPDATES)


def test_what_is_learned_later_by_other_samples_does_not_count():
    """It comes and goes in networks that have hardly begun."""
    _, learned = seen([1.0] * 60, [1.0] * 20 + [5.0] * 40)
    assert not any(learned)


def test_the_length_of_the_gradient_is_a_running_root_mean_square():
    progress = BudgetState()
    assert float(progress.gradient_norm()) == 0
    squares = [4.0, 9.0, np.inf, np.nan, 1.0]
    for square in squares:
        progress.see_gradient(square)
    weights = GRADIENT_DECAY ** np.array([2, 1, 0])
    expected = np.sqrt((weights * [4, 9, 1]).sum() / weights.sum())
    assert float(progress.gradient_norm()) == pytest.approx(expected, rel=1e-5)


def test_time_goes_by_only_where_a_budget_is_due_and_up_to_the_length_of_its_fall():
    budget, progress = Budget(0.5, start_epoch=2, end_epoch=4), BudgetState()
    for epoch in np.arange(0, 8, 0.5):
        progress.wait(budget, epoch, 0.5)
        assert float(progress.waited) == min(max(epoch - 1.5, 0), 2)
    progress.waited.assign(1.0)
    progress.is_learning.assign(1.0)
    progress.wait(budget, 3.0, 0.5)
    assert float(progress.waited) == 1


def stuck(**kwargs):
    """A network whose outputs do not depend on its inputs, and never will."""
    dead = layers.Dense(8, "relu", name="hidden", bias_initializer=keras.initializers.Constant(-99))
    task = keras.Sequential([keras.Input((4,)), dead, layers.Dense(3, use_bias=False)])
    return switched(task, alternation="joint", **kwargs)


@pytest.mark.parametrize("alternation", long_but(("batch",), ["joint", "batch", "epoch"]))
def test_a_budget_waits_for_a_network_that_learns_nothing_says_so_and_then_goes_on(alternation):
    budget = Budget(0.3, start_epoch=1, end_epoch=3)
    model = stuck(budget=budget, compiled={"run_eagerly": True})
    model.alternation = alternation
    start = values(model.switcher.weights)
    history = fit(model, batch_size=16, epochs=3)
    assert history["budget_waited"] == pytest.approx([1.0])  # At the end of the second epoch.
    assert float(model.budget_progress.waited) == 2
    assert same(start, model.switcher.weights)
    assert history["weights_removed"] == [0, 0, 0]
    assert "waited for 2 epochs" in str(model.structure())
    with pytest.warns(UserWarning, match="waited for 2 epochs, as long as it does, and went on"):
        fit(model, batch_size=16, epochs=12)
    assert history.get("budget_waited") == pytest.approx([1.0])
    assert float(model.budget_progress.waited) == 2


def test_a_network_that_was_trained_before_does_not_wait():
    x, y = data(96)
    task = mlp()
    task.compile(keras.optimizers.Adam(0.02), crossentropy())
    task.fit(x, y, epochs=20, verbose=0)
    budget = Budget(0.5, start_epoch=0, end_epoch=4)
    model = switched(task, budget=budget, alternation="joint", rate=0.01)
    history = fit(model, x, y, batch_size=8, epochs=3)
    assert float(model.budget_progress.waited) < 0.1
    assert "budget_waited" not in history


def test_a_network_that_learns_quickly_hardly_waits_and_its_switcher_moves():
    x, y = data(96)
    model = switched(budget=Budget(0.4, end_epoch=4), alternation="joint", rate=0.2)
    start = values(model.switcher.weights)
    fit(model, x, y, batch_size=4, epochs=3)
    assert 0 < float(model.budget_progress.waited) < 2
    assert not same(start, model.switcher.weights)


def test_another_budget_has_not_waited():
    model = stuck(budget=Budget(0.3, end_epoch=2), compiled={"run_eagerly": True})
    fit(model, batch_size=16)
    assert float(model.budget_progress.waited) == 1
    model.budget = Budget(0.4, end_epoch=3)
    assert float(model.budget_progress.waited) == 0
