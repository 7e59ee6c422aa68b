"""Budgets are kept under losses of any scale, and around networks that were trained before.

`-m long` trains them at length; `recipes/results/budget_checks` has what the same checks measured.
"""

import keras
import numpy as np
import pytest
from helpers.problems import PROBLEMS, regression
from keras.optimizers import Adam
from keras.optimizers.schedules import CosineDecay

import keras_switcher as ks
from keras_switcher import switchers
from recipes.networks import TASKS

SWITCHERS = {
    "row": lambda: switchers.RowSwitcher(ceiling=1.5),
    "U-Net": switchers.UNetSwitcher,
    "free factors": lambda: switchers.FreeFactors(ceiling=1.5),
    "shuffled input": lambda: switchers.ShuffledInput(switchers.RowSwitcher(ceiling=1.5)),
    "constant input": lambda: switchers.ConstantInput(switchers.RowSwitcher(ceiling=1.5)),
}


def adam(rate, epochs, samples):
    """Under a constant rate a channel may go in the last epoch."""
    return Adam(CosineDecay(rate, epochs * -(-samples // 32)))


@pytest.mark.parametrize("unit", [0.01, 100])
def test_in_another_unit_the_problem_is_the_same(unit):
    losses, one = [], regression()[0]()
    for scale in (1, unit):
        network, x, (y,), compiled = regression(scale, ends_in_unit=True)
        model = network()
        model.set_weights(one.get_weights())
        model.compile(**compiled)
        losses.append(model.evaluate(x[:64], y[:64], verbose=0))
    assert losses[1] == pytest.approx(unit**2 * losses[0], rel=1e-5)


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_problem_fits_its_network(name):
    network, x, y, compiled = PROBLEMS[name]()
    outputs = keras.tree.flatten(network()(x[:2]))
    assert [output.shape[1:] for output in outputs] == [part.shape[1:] for part in y]
    assert all(len(part) == len(x) and np.isfinite(part).all() for part in y)
    assert len(compiled.get("loss_weights", y)) == len(y)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", PROBLEMS)
def test_a_budget_is_kept_under_any_loss(name, seed):
    network, x, y, compiled = PROBLEMS[name]()
    known, epochs = slice(2 * len(x) // 3), 20
    samples = x[known], [part[known] for part in y]
    keras.utils.set_random_seed(seed)
    budget = ks.Budget(0.3, start_epoch=0, end_epoch=5)
    model = ks.SwitcherModel(network(), SWITCHERS["row"](), budget=budget)
    model.compile(adam(3e-3, epochs, len(samples[0])), jit_compile=False, **compiled)
    before = model.evaluate(*samples, verbose=0, return_dict=True)["loss"]
    model.fit(*samples, epochs=epochs, verbose=0)
    after = model.evaluate(*samples, verbose=0, return_dict=True)["loss"]
    assert 1 - model.structure().removed("weights") == pytest.approx(0.3, abs=0.01)
    assert after < before / 4


@pytest.mark.long
@pytest.mark.parametrize("task", ["digits", "residual", "inverted"])
@pytest.mark.parametrize("switcher", SWITCHERS)
def test_a_trained_network_keeps_its_budget_and_most_of_its_accuracy(switcher, task):
    train, held_out, _ = TASKS[task].load(False, None)
    loss, epochs = keras.losses.SparseCategoricalCrossentropy(from_logits=True), 24
    keras.utils.set_random_seed(0)
    trained = TASKS[task].network()
    trained.compile(adam(1e-3, epochs, len(train.x)), loss, jit_compile=False)
    trained.fit(*train, epochs=epochs, verbose=0)
    before = trained.predict(held_out.x, verbose=0)
    keras.utils.set_random_seed(0)
    budget = ks.Budget(0.5, of="macs", start_epoch=0, end_epoch=8)
    model = ks.SwitcherModel(trained, SWITCHERS[switcher](), budget=budget)
    rate = 2e-2 if switcher == "free factors" else 1e-2
    optimizers = [adam(rate, epochs, len(train.x)) for rate in (1e-3, rate)]
    model.compile(optimizers[0], loss, jit_compile=False, switcher_optimizer=optimizers[1])
    np.testing.assert_array_equal(model.predict(held_out.x, verbose=0), before)
    model.fit(*train, epochs=epochs, verbose=0)
    assert 1 - model.structure().removed("macs") == pytest.approx(0.5, abs=0.01)
    after = held_out.accuracy(model.predict(held_out.x, verbose=0))
    assert after > held_out.accuracy(before) - 0.03
