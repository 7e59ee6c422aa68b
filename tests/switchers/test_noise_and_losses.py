"""What a switcher may do beside factors: noise in training, and a loss of its own."""

import keras
import numpy as np
import pytest
from helpers.toys import crossentropy, data, fit, mlp, same, started, stepped, switched, values
from keras import ops

from keras_switcher import Budget, SwitcherModel
from keras_switcher.switchers import FreeFactors, ShuffledInput, Switcher
from keras_switcher.switchers.records import split_by_record

ALTERNATIONS = ["batch", "joint", "epoch", "switcher", "task"]
LARGE = 100.0


@keras.saving.register_keras_serializable("tests")
class Noisy(FreeFactors):
    """Free factors, times a number drawn in training."""

    def build(self, records):
        super().build(records)
        self.noise = keras.random.SeedGenerator(self.seed)

    def call(self, records, training=False):
        factors = super().call(records)
        if training:
            drawn = keras.random.uniform((), 0.5, 1.5, seed=self.noise)
            factors = [drawn * factor for factor in factors]
        return factors


@keras.saving.register_keras_serializable("tests")
class Penalized(Switcher):
    """Factors of one, and a penalty with a known gradient on a variable of its own."""

    def build(self, records):
        self.parameter = self.add_weight(shape=(), initializer="ones", name="parameter")

    def call(self, records):
        self.add_loss(LARGE * self.parameter.value)
        sizes = sum(record.size for record in records)
        return split_by_record(ops.ones(sizes), records)


@pytest.mark.parametrize("wrap", [lambda s: s, ShuffledInput], ids=["alone", "wrapped"])
def test_noise_is_drawn_in_training_alone(wrap):
    model = SwitcherModel(mlp(), wrap(Noisy(seed=1)))
    first, second = (values(model.raw_factors(training=True).values()) for _ in range(2))
    assert not same(first, second)
    assert not same(first, values(model.raw_factors().values()))
    assert same(values(model.factors().values()), values(model.factors(training=False).values()))
    for factors in (model.factors(), model.scaling_factors()):
        assert all((factor == 1).all() for factor in values(factors.values()))


@pytest.mark.parametrize("eagerly", [True, False])
def test_each_update_draws_anew_and_evaluation_does_not(eagerly):
    x, y = data(8)
    model = switched(switcher=Noisy(seed=1), compiled={"run_eagerly": eagerly})
    state = model.switcher.noise.state
    drawn = [values([state])[0].tolist()]
    for _ in range(2):
        fit(model, x, y, batch_size=4)
        drawn.append(values([state])[0].tolist())
    assert len({tuple(each) for each in drawn}) == 3
    losses = {model.evaluate(x, y, verbose=0) for _ in range(3)}
    assert len(losses) == 1
    assert drawn[-1] == values([state])[0].tolist()
    expected = float(ops.convert_to_numpy(crossentropy()(y, model.predict(x, verbose=0))))
    assert losses.pop() == pytest.approx(expected, rel=1e-6)


def test_equal_seeds_draw_equal_noise():
    runs = []
    for seed in (1, 1, 2):
        model = started(switcher=Noisy(seed=seed))
        stepped(model)
        runs.append(values(model.trainable_variables))
    assert same(runs[0], runs[1])
    assert not same(runs[0], runs[2])


@pytest.mark.parametrize("alternation", ALTERNATIONS)
def test_a_loss_of_its_own_counts_once_per_update(alternation):
    """In each turn of the switcher its parameter moves by rate * gradient, and by no more."""
    x, y = data()
    model = switched(switcher=Penalized(), alternation=alternation, rate=1e-3)
    task = switched(mlp(), FreeFactors(), alternation="task", rate=1e-3)
    task.task.set_weights(model.task.get_weights())
    epochs = 2
    before = values(model.task.trainable_variables)
    history = fit(model, x, y, batch_size=8, epochs=epochs)
    turns = {"epoch": 4, "task": 0}.get(alternation, 8)
    moved = 1 - float(ops.convert_to_numpy(model.switcher.parameter))
    assert moved == pytest.approx(turns * 1e-3 * LARGE, rel=1e-5)
    if alternation == "switcher":
        assert same(before, model.task.trainable_variables)
        return
    fit(task, x, y, batch_size=8, epochs=1 if alternation == "epoch" else epochs)
    for one, other in zip(values(model.task.weights), values(task.task.weights), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    if alternation == "task":  # The parameter stands at one: all of it is in the reported loss.
        plain = switched(mlp(), FreeFactors(), alternation="task", rate=1e-3)
        plain.task.set_weights(before)
        expected = np.add(fit(plain, x, y, batch_size=8, epochs=epochs)["loss"], LARGE)
        np.testing.assert_allclose(history["loss"], expected, rtol=1e-5)


@pytest.mark.parametrize("eagerly", [True, False])
def test_evaluation_is_without_it(eagerly):
    x, y = data()
    model = switched(switcher=Penalized(), rate=1e-4, compiled={"run_eagerly": eagerly})
    for _ in range(2):
        expected = float(ops.convert_to_numpy(crossentropy()(y, model(x))))
        assert model.evaluate(x, y, verbose=0) == pytest.approx(expected, rel=1e-5)
        assert model.test_on_batch(x, y) == pytest.approx(expected, rel=1e-5)
        model(x)  # In inference nothing is added either.
        history = fit(model, x, y, batch_size=16, validation_data=(x, y))
        assert history["loss"][0] > LARGE / 2
        assert history["val_loss"][0] < 10
    model.evaluate(x, y, verbose=0)
    assert model.evaluate(x, y, verbose=0) < 10


def test_evaluation_forgets_the_loss_of_the_last_update():
    """Also where nothing calls the switcher any more: its factors are compiled already."""
    x, y = data()
    model = switched(switcher=Penalized(), rate=1e-4)
    model.scaling_factors()
    fit(model, x, y, batch_size=16)
    assert model.evaluate(x, y, verbose=0) < 10


def test_in_the_warm_up_there_is_none():
    x, y = data()
    model = switched(switcher=Penalized(), rate=1e-4)
    fit(model, x, y, batch_size=16)
    parameter = values([model.switcher.parameter])
    model.warmup_epochs = 9
    assert fit(model, x, y, batch_size=16)["loss"][0] < 10
    assert same(parameter, [model.switcher.parameter])


def test_a_budget_compares_losses_without_it():
    """It waits for a network that learns: the penalty, which falls fast, is not the network's."""
    x, y = data()
    budget = Budget(0.5, start_epoch=0, end_epoch=2)
    runs = []
    for switcher in (Penalized(), FreeFactors()):
        keras.utils.set_random_seed(1)
        model = switched(mlp(), switcher, budget=budget, alternation="task")
        fit(model, x, y, batch_size=8)
        runs.append(
            values([model.budget_progress.running_losses, model.budget_progress.first_loss])
        )
    for one, other in zip(*runs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4)
