"""Progress: the callback of fit() that counts epochs and stops on weights that are not finite."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_switcher.training.budget_advice import advise_after_fit
from keras_switcher.training.optimizer_state import start_at_weights


class Progress(keras.callbacks.Callback):
    """Counts a SwitcherModel's epochs and gives each epoch the updates that are its turn.

    `SwitcherModel.fit` adds it by itself. The count is a saved variable of the model, so a
    restored run goes on where it was.
    """

    async_safe = True  # Counts batches; otherwise Keras would wait for the logs of each.

    def __init__(self) -> None:
        super().__init__()
        self._batches = 0
        self._step_share = 0.0
        self._losses: list[float] = []

    def on_train_begin(self, logs: dict | None = None) -> None:
        _check_batches(self.params.get("steps"))
        start_at_weights(self.model.optimizer)
        start_at_weights(self.model.switcher_optimizer)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        model = self.model
        # Set here and not once: a callback may restore what another run was saved with.
        if steps := self.params.get("steps"):
            model.step_share.assign(1 / steps)
        self._step_share = float(ops.convert_to_numpy(model.step_share))
        model.epoch_share.assign(0.0)  # An epoch that was interrupted starts again.
        self._batches = 0
        model.make_train_function()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._batches = batch + 1

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        model = self.model
        _check_batches(self._batches, epoch)
        model.epochs_seen.assign_add(1.0)
        model.epoch_share.assign(0.0)
        # Where a dataset does not tell its size, the next epoch takes it to be that of this one.
        model.step_share.assign(1 / self._batches if self._batches else 0.0)
        self._check_finite(epoch, logs or {})
        self._report_waiting(logs)
        if logs and "loss" in logs:
            self._losses.append(float(logs["loss"]))

    def _check_finite(self, epoch: int, logs: dict) -> None:
        """Before any other callback may save what is broken."""
        loss = logs.get("loss", 0.0)
        broken = first_broken_weight(self.model)
        if np.isfinite(loss) and broken is None:
            return
        what = "A weight" if np.isfinite(loss) else f"The loss became {loss}, and a weight"
        where = f"{what} is no longer finite: {broken}" if broken else f"The loss became {loss}"
        raise ValueError(
            f"{where}, in epoch {epoch + 1}: training diverged. Look for NaN in the data, lower "
            "the learning rate, or clip gradients (clipnorm); checkpoints of earlier epochs are "
            "untouched."
        )

    def _report_waiting(self, logs: dict | None) -> None:
        """The epoch's line says that a budget waits, and how long it has."""
        model, budget = self.model, self.model.budget
        if budget is None:
            return
        progress, epoch = model.budget_progress, float(ops.convert_to_numpy(model.epochs_seen)) - 1
        if not self._step_share:
            progress.wait(budget, epoch, 1.0)  # The steps did not know how much of it went by.
        if progress.is_waiting(budget, epoch) and logs is not None:
            logs["budget_waited"] = float(ops.convert_to_numpy(progress.waited))

    def on_train_end(self, logs: dict | None = None) -> None:
        self.model.step_share.assign(0.0)  # Outside of fit() no epoch goes by.
        # What fit does with the task network, if its optimizer averages weights (use_ema).
        variables = self.model.switcher.trainable_variables
        self.model.switcher_optimizer.finalize_variable_values(variables)
        advise_after_fit(self.model, self._losses)


def with_progress(callbacks: Any, model: keras.Model) -> Any:
    """The callbacks of a fit(), `Progress` first: what others save has the epoch counted.

    Args:
        callbacks: What was passed to fit(): None, callbacks, or a `CallbackList`.
        model: The `SwitcherModel`.
    """
    progress = Progress()
    if not isinstance(callbacks, keras.callbacks.CallbackList):
        return [progress, *keras.tree.flatten(callbacks or [])]
    progress.set_model(model)
    progress.set_params(callbacks.params)
    if not any(isinstance(each, Progress) for each in callbacks.callbacks):
        callbacks.callbacks.insert(0, progress)
    return callbacks


def _check_batches(number: int | None, epoch: int = 0) -> None:
    if number == 0:
        raise ValueError(
            f"No batch came in epoch {epoch + 1}, so nothing was trained and the epoch does not "
            "count. Pass data that are not empty; a generator or a dataset that is used up needs "
            ".repeat(), or fewer epochs."
        )


def first_broken_weight(model: keras.Model) -> str | None:
    """The first weight of a SwitcherModel that is not finite, in words; None if all are.

    Args:
        model: The `SwitcherModel`.
    """
    for layer in [*model.task.layers, model.switcher]:
        for weight in layer.weights:
            is_number = keras.backend.is_float_dtype(weight.dtype)
            if is_number and not bool(ops.all(ops.isfinite(ops.convert_to_tensor(weight)))):
                return f"'{weight.name}' of '{layer.name}'"
    return None
