"""Training under a budget: when it counts, and what it comes down to."""

import keras
import numpy as np
import pytest
from helpers.toys import data, fit, furthest, switched
from keras import layers

from keras_switcher import Budget
from keras_switcher.switchers import FreeFactors


def test_zero_budget_gradient_leaves_training_as_it_is():
    x, y = data()
    plain, budgeted = (switched(alternation="joint", budget=b) for b in (None, Budget(0.5)))
    budgeted.set_weights(plain.get_weights())
    budgeted.budget_progress.was_trained.assign(1.0)
    for model in (plain, budgeted):  # The target of the first step is 1.
        model.train_on_batch(x, y)
    assert furthest(plain.trainable_weights, budgeted.trainable_weights) < 1e-6


def test_epochs_are_counted_over_several_fits():
    targets = []

    class Steep(Budget):
        def slope(self, kept, epoch):
            targets.append(float(epoch))
            return super().slope(kept, epoch)

    budget = Steep(0.3, start_epoch=0, end_epoch=2)
    model = switched(budget=budget, alternation="joint", compiled={"run_eagerly": True})
    model.budget_progress.was_trained.assign(1.0)
    for _ in range(2):
        fit(model, batch_size=8)
    assert targets == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75])


def deep():
    hidden = [layers.Dense(100, "relu", name=name) for name in ("first", "second")]
    return keras.Sequential([keras.Input((4,)), *hidden, layers.Dense(3)])


def convolutional():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(32, 3, activation="relu", name="first"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(100, "relu", name="second"),
            layers.Dense(3),
        ]
    )


@pytest.mark.parametrize(
    ("of", "make_task", "shape"), [("weights", deep, (4,)), ("macs", convolutional, (8, 8, 1))]
)
def test_training_comes_down_to_the_budget(of, make_task, shape):
    x, y = data(256, shape)
    slow = {"switcher_optimizer": keras.optimizers.SGD(0.01)}
    budget = Budget(0.4, of, start_epoch=0, end_epoch=8)
    model = switched(make_task(), groups=["first", "second"], budget=budget, compiled=slow)
    model.budget_progress.was_trained.assign(1.0)  # It need not wait.
    assert model.structure().removed(of) < 0.02
    history = fit(model, x, y, batch_size=8, epochs=12)
    kept = 1 - model.structure().removed(of)
    assert 0.2 < kept <= 0.41
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    compacted = model.compact()
    np.testing.assert_allclose(compacted(x), model(x), rtol=1e-4, atol=1e-4)


@pytest.mark.only("tensorflow", reason="tf.data alone has datasets of unknown size.")
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_the_target_moves_within_epochs_of_unknown_size():
    """From the second epoch of a fit on: the first one tells how many batches there are."""
    import tensorflow as tf

    shares = []
    model = switched(budget=Budget(0.3, end_epoch=3))
    batches = tf.data.Dataset.from_tensor_slices(data()).batch(8).filter(lambda x, y: True)
    record = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: shares.append(float(model.epoch_share))
    )
    model.fit(batches, epochs=2, verbose=0, shuffle=False, callbacks=[record])
    assert shares == [0, 0, 0, 0, 0.25, 0.5, 0.75, 1]
    shares.clear()
    model.fit(batches, verbose=0, shuffle=False, callbacks=[record])
    assert shares == [0, 0, 0, 0]
    model.train_on_batch(*data())
    assert float(model.epoch_share) == 0


def test_a_budget_can_be_changed_between_fits():
    model = switched(switcher=FreeFactors(start="one"), rate=0.3, alternation="joint")
    fit(model, epochs=2)
    assert float(model.accounting.kept(model.factors(), "weights")) == 1
    model.budget = Budget(0.4, end_epoch=3)
    fit(model, epochs=20)
    assert float(model.accounting.kept(model.factors(), "weights")) < 0.5
    with pytest.raises(ValueError, match="cannot bring the weights down"):
        model.budget = Budget(0.001)
    assert model.budget.keep == 0.4
