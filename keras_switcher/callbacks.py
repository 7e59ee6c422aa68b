"""Callbacks: the one that keeps a SwitcherModel's epochs, and the one that records structure."""

import math

import keras
import numpy as np
from keras import ops


class Progress(keras.callbacks.Callback):
    """Counts a SwitcherModel's epochs and gives each epoch the updates that are its turn.

    `SwitcherModel.fit` adds it by itself. The count is a saved variable of the model, so a
    restored run goes on where it was.
    """

    def __init__(self):
        super().__init__()
        self._functions = {}

    def on_train_begin(self, logs=None):
        steps = self.params.get("steps")
        self.model.epochs_per_step.assign(1 / steps if steps else 0.0)

    def on_epoch_begin(self, epoch, logs=None):
        model = self.model
        # An epoch that was interrupted starts again.
        self._epoch = math.floor(float(ops.convert_to_numpy(model.epochs_seen)))
        model.epochs_seen.assign(self._epoch)
        if model.updates != (updates := model.updates_in_epoch(self._epoch)):
            self._functions[model.updates] = model.train_function
            model.train_function = self._functions.get(updates)
            model.updates = updates
            model.make_train_function()

    def on_epoch_end(self, epoch, logs=None):
        self.model.epochs_seen.assign(self._epoch + 1)
        loss = (logs or {}).get("loss", 0.0)
        if not np.isfinite(loss):
            raise ValueError(
                f"The loss became {loss} in epoch {epoch + 1}: training diverged"
                f"{_first_broken(self.model)}. Lower the learning rate, or clip gradients "
                "(clipnorm); checkpoints of earlier epochs are untouched."
            )


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

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(self.model.structure().to_dict()["groups"])


def _first_broken(model):
    for layer in [*model.task.layers, model.switcher]:
        for weight in layer.weights:
            values = ops.convert_to_numpy(weight)
            if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
                return f" (first in weight '{weight.name}' of '{layer.name}')"
    return " (the weights are finite: look for NaN in the data)"
