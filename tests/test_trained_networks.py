"""A network that is trained already: wrapping it changes nothing, and what breaks is noticed."""

import keras
import numpy as np
import pytest
from helpers.checks import with_random_weights
from helpers.toys import convnet, crossentropy, data, fit, mlp, switched

from keras_switcher import SwitcherModel
from keras_switcher.switchers import (
    ConstantInput,
    FreeFactors,
    FrozenSwitcher,
    RowSwitcher,
    ShuffledInput,
    UNetSwitcher,
)

SWITCHERS = {
    "row": RowSwitcher,
    "unet": UNetSwitcher,
    "unet per layer": lambda: UNetSwitcher(stacked=False),
    "unet, batch normalisation": lambda: UNetSwitcher(normalization="batch"),
    "free": FreeFactors,
    "frozen": lambda: FrozenSwitcher(RowSwitcher()),
    "shuffled": lambda: ShuffledInput(RowSwitcher()),
    "constant": lambda: ConstantInput(RowSwitcher()),
}


@pytest.mark.parametrize("connections", [False, "both"])
@pytest.mark.parametrize("make", SWITCHERS)
def test_wrapping_changes_no_output(make, connections):
    task = with_random_weights(convnet())
    x, _ = data(8, (8, 8, 1))
    model = SwitcherModel(task, SWITCHERS[make](), connections=connections)
    expected = np.asarray(task(x))
    for outputs in (model(x), model.predict(x, verbose=0), model.compact()(x)):
        np.testing.assert_allclose(outputs, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("alternation", ["batch", "epoch", "joint"])
@pytest.mark.parametrize("broken", ["data", "rate", "switcher"])
def test_what_is_not_finite_is_noticed_before_other_callbacks_see_it(alternation, broken):
    x, y = data(16)
    model = switched(alternation=alternation, warmup_epochs=int(alternation == "epoch"))
    seen = []
    record = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    if broken == "data":
        x[3, 0] = np.nan
    elif broken == "rate":
        model.optimizer.learning_rate = np.inf
        model.switcher_optimizer.learning_rate = np.inf
    else:
        model.switcher.of_channels.beta.assign(np.nan)
    with pytest.raises(ValueError, match=r"no longer finite: '.+' of '.+', in epoch 1"):
        fit(model, x, y, batch_size=16, epochs=1, callbacks=[record])
    assert not seen
    assert float(model.epochs_seen) == 0, "the epoch does not count"


def test_a_loss_that_is_not_finite_is_noticed_where_the_weights_are():
    model = switched(mlp(), alternation="joint", rate=0.0, compiled={"loss": infinite})
    with pytest.raises(ValueError, match="The loss became inf, in epoch 1"):
        fit(model)
    assert float(model.epochs_seen) == 0


def infinite(y, y_pred):
    return crossentropy()(y, y_pred) + np.inf
