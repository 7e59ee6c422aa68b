"""Callbacks: the one that keeps a SwitcherModel's epochs, and the one that records structure."""

import keras
import numpy as np
from keras import ops


class Progress(keras.callbacks.Callback):
    """Counts a SwitcherModel's epochs and gives each epoch the updates that are its turn.

    `SwitcherModel.fit` adds it by itself. The count is a saved variable of the model, so a
    restored run goes on where it was.
    """

    async_safe = True  # Counts batches; otherwise Keras would wait for the logs of each.

    def __init__(self):
        super().__init__()
        self._batches = 0

    def on_train_begin(self, logs=None):
        _check_batches(self.params.get("steps"))
        _start_averages(self.model.optimizer)
        _start_averages(self.model.switcher_optimizer)

    def on_epoch_begin(self, epoch, logs=None):
        model = self.model
        # Set here and not once: a callback may restore what another run was saved with.
        if steps := self.params.get("steps"):
            model.step_share.assign(1 / steps)
        model.epoch_share.assign(0.0)  # An epoch that was interrupted starts again.
        self._batches = 0
        model.make_train_function()

    def on_train_batch_end(self, batch, logs=None):
        self._batches = batch + 1

    def on_epoch_end(self, epoch, logs=None):
        model = self.model
        _check_batches(self._batches, epoch)
        model.epochs_seen.assign_add(1.0)
        model.epoch_share.assign(0.0)
        # Where a dataset does not tell its size, the next epoch takes it to be that of this one.
        model.step_share.assign(1 / self._batches if self._batches else 0.0)
        loss = (logs or {}).get("loss", 0.0)
        if not np.isfinite(loss):
            raise ValueError(
                f"The loss became {loss} in epoch {epoch + 1}: training diverged"
                f"{_first_broken(self.model)}. Look for NaN in the data, lower the learning rate, "
                "or clip gradients (clipnorm); checkpoints of earlier epochs are untouched."
            )

    def on_train_end(self, logs=None):
        self.model.step_share.assign(0.0)  # Outside of fit() no epoch goes by.
        # What fit does with the task network, if its optimizer averages weights (use_ema).
        variables = self.model.switcher.trainable_variables
        self.model.switcher_optimizer.finalize_variable_values(variables)


class StructureHistory(keras.callbacks.Callback):
    """Records at the end of every epoch how many channels of each group are kept, and how.

    Attributes:
        epochs: For each epoch, `Structure.to_dict()["groups"]`.

    Example:

    >>> StructureHistory().epochs
    []
    """

    def __init__(self):
        super().__init__()
        self.epochs = []

    def set_model(self, model):
        if not hasattr(model, "structure"):
            raise ValueError(
                "StructureHistory records what a SwitcherModel has learned. Received a model that "
                f"has no structure(): '{model.name}' (of type {type(model).__name__})."
            )
        super().set_model(model)

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(self.model.structure().to_dict()["groups"])


def _check_batches(number, epoch=0):
    if number == 0:
        raise ValueError(
            f"No batch came in epoch {epoch + 1}, so nothing was trained and the epoch does not "
            "count. Pass data that are not empty; a generator or a dataset that is used up needs "
            ".repeat(), or fewer epochs."
        )


def _start_averages(optimizer):
    """Averaged weights (use_ema) start at the weights: it may be long until their first turn."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if optimizer.use_ema and not ops.convert_to_numpy(optimizer.iterations):
        averages = optimizer._model_variables_moving_average
        # Those that the optimizer was built with: layers may have been frozen since.
        for variable, average in zip(optimizer._trainable_variables, averages, strict=True):
            average.assign(variable)


def _first_broken(model):
    for layer in [*model.task.layers, model.switcher]:
        for weight in layer.weights:
            values = ops.convert_to_numpy(weight)
            if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
                return f" (first in weight '{weight.name}' of '{layer.name}')"
    return " (the weights are finite)"
