"""What fit() says before it begins, once; and that it takes what Keras's fit() takes."""

import inspect
import warnings

import keras
import pytest
from helpers.toys import crossentropy, data, mlp, stepped, switched

from keras_switcher import Budget, SwitcherModel
from keras_switcher.training.budget.advice import advice_on_fit

pytestmark = pytest.mark.filterwarnings("default::UserWarning")


def said(model, **kwargs):
    """The warnings of a short fit."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        stepped(model, **kwargs)
    return [str(warning.message) for warning in seen if warning.category is UserWarning]


def test_without_a_budget_nothing_need_be_removed_which_is_said_once():
    model = switched()
    (message,) = said(model)
    assert "nothing need be removed" in message
    assert "Budget(keep=0.5" in message
    assert not said(model)
    assert said(switched()), "every model says it"


@pytest.mark.parametrize("budget", [None, Budget(0.4, end_epoch=3)])
def test_what_is_said_before_points_at_the_call_of_fit(budget):
    model = switched(budget=budget, compiled={"run_eagerly": True})
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        model.fit(*data(), verbose=0)
    assert [w.filename for w in seen if w.category is UserWarning] == [__file__]


@pytest.mark.parametrize(
    ("epochs", "initial", "is_short"), [(2, 0, True), (3, 0, False), (5, 3, True)]
)
def test_a_training_that_ends_before_its_budget_is_said(epochs, initial, is_short):
    model = switched(budget=Budget(0.4, end_epoch=3))
    messages = said(model, epochs=epochs, initial_epoch=initial)
    assert bool(messages) == is_short
    assert all("at epoch 3, but this fit() ends at epoch 2" in message for message in messages)


def test_epochs_of_earlier_fits_count():
    model = switched(budget=Budget(0.4, end_epoch=3))
    assert said(model, epochs=2)
    assert not said(model, epochs=1)
    assert float(model.epochs_seen) == 3


def test_fit_has_the_signature_of_keras():
    ours, theirs = (inspect.signature(c.fit).parameters for c in (SwitcherModel, keras.Model))
    assert {n: p.default for n, p in ours.items()} == {n: p.default for n, p in theirs.items()}
    assert list(ours) == list(theirs)


def test_arguments_by_position_arrive():
    model = switched(mlp(), compiled={"run_eagerly": True})
    x, y = data()
    history = model.fit(x, y, 16, 2, 0, None, 0.25)
    assert len(history.history["val_loss"]) == 2


@pytest.mark.parametrize(
    ("losses", "is_lost"),
    [
        ([1.05, 0.28, 2.0], True),  # Of 2.3 at first.
        ([1.05, 0.28, 1.3], True),
        ([1.05, 0.28, 1.2], False),
        ([1.05, 0.28], False),
        ([2.4, 2.5, 2.6], False),  # Nothing was learned that could be lost.
        ([2.3, 2.3], False),
        ([2.29999, 2.3001], False),  # Rounding alone.
        ([], False),
    ],
)
def test_a_network_that_loses_what_it_had_learned_is_said_after_every_fit(losses, is_lost):
    model = switched(budget=Budget(0.4, end_epoch=1))
    model.budget_progress.first_loss.assign(2.3)
    for _ in range(2):
        state, epochs = model.budget_progress, model.epochs_seen
        said = advice_on_fit(model.budget, state, epochs, losses, set())
        assert ("what was learned is lost" in (said or "")) == is_lost
        assert model.budget_progress.has_lost == is_lost


def test_a_training_that_loses_what_it_had_learned_says_so():
    model = switched(budget=Budget(0.4, end_epoch=1))
    x, y = data()
    stepped(model)

    class Breaks(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 6:
                head = self.model.task.layers[-1]
                head.kernel.assign(-10 * head.kernel)

    model.compile(keras.optimizers.SGD(0.0), crossentropy())
    model.budget_progress.first_loss.assign(2.0)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        model.fit(x, y, epochs=7, verbose=0, callbacks=[Breaks()])
    (warning,) = [each for each in seen if "what was learned is lost" in str(each.message)]
    assert warning.filename == __file__
    assert "what was learned is lost" in str(model.structure())
