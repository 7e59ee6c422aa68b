"""What fit() says before it begins, once; and that it takes what Keras's fit() takes."""

import inspect
import warnings

import keras
import pytest
from helpers.toys import data, mlp, stepped, switched

from keras_switcher import Budget, SwitcherModel

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
