"""EpochCounter: the callback of fit() that counts epochs and stops where training diverged."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_switcher.training.budget.advice import advice_on_fit
from keras_switcher.training.budget.budget import Budget
from keras_switcher.training.budget.state import BudgetState
from keras_switcher.training.optimizers import OptimizerPair
from keras_switcher.training.schedule import Schedule


class EpochCounter(keras.callbacks.Callback):
    """Counts a SwitcherModel's epochs and gives each epoch the updates that are its turn.

    `SwitcherModel.fit` adds it by itself. The count is a saved variable of the model, so a
    restored run goes on where it was.

    Args:
        schedule: The `Schedule`, whose variables count.
        optimizers: The `OptimizerPair`.
        budget: The `Budget`, or None.
        state: The `BudgetState`.
        advised: What users were told already, see `advice_on_fit`.

    Attributes:
        advice: What is to be said of this training once it has ended, or None.
    """

    async_safe = True  # Counts batches; otherwise Keras would wait for the logs of each.

    def __init__(
        self,
        schedule: Schedule,
        optimizers: OptimizerPair,
        budget: Budget | None,
        state: BudgetState,
        advised: set[str],
    ) -> None:
        super().__init__()
        self._schedule = schedule
        self._optimizers = optimizers
        self._budget = budget
        self._state = state
        self._advised = advised
        self._batches = 0
        self._step_share = 0.0
        self._losses: list[float] = []
        self.advice: str | None = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        _check_batches(self.params.get("steps"))
        self._optimizers.start_at_weights()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        schedule = self._schedule
        # Set here and not once: a callback may restore what another run was saved with.
        if steps := self.params.get("steps"):
            schedule.step_share.assign(1 / steps)
        self._step_share = float(ops.convert_to_numpy(schedule.step_share))
        schedule.epoch_share.assign(0.0)  # An epoch that was interrupted starts again.
        self._batches = 0
        self.model.make_train_function()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._batches = batch + 1

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        schedule = self._schedule
        _check_batches(self._batches, epoch)
        self._check_finite(epoch, logs or {})
        schedule.epochs_seen.assign_add(1.0)
        schedule.epoch_share.assign(0.0)
        # Where a dataset does not tell its size, the next epoch takes it to be that of this one.
        schedule.step_share.assign(1 / self._batches if self._batches else 0.0)
        self._report_waiting(logs)
        if logs and "loss" in logs:
            self._losses.append(float(logs["loss"]))

    def _check_finite(self, epoch: int, logs: dict) -> None:
        """Before the epoch counts, and any other callback may save what is broken."""
        loss = logs.get("loss", 0.0)
        broken = first_broken_weight(self._optimizers.layers)
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
        budget, state = self._budget, self._state
        if budget is None:
            return
        epoch = float(ops.convert_to_numpy(self._schedule.epochs_seen)) - 1
        if not self._step_share:
            state.wait(budget, epoch, 1.0)  # The steps did not know how much of it went by.
        if state.is_waiting(budget, epoch) and logs is not None:
            logs["budget_waited"] = float(ops.convert_to_numpy(state.waited))

    def on_train_end(self, logs: dict | None = None) -> None:
        self._schedule.step_share.assign(0.0)  # Outside of fit() no epoch goes by.
        self._optimizers.finish_switcher()
        if self._budget is not None:
            epochs = self._schedule.epochs_seen
            self.advice = advice_on_fit(
                self._budget, self._state, epochs, self._losses, self._advised
            )


def with_own(callbacks: Any, own: list[keras.callbacks.Callback], model: keras.Model) -> Any:
    """The callbacks of a fit(), the model's own first: what others save has the epoch counted.

    Args:
        callbacks: What was passed to fit(): None, callbacks, or a `CallbackList`.
        own: The model's own.
        model: The model that is trained.
    """
    if not isinstance(callbacks, keras.callbacks.CallbackList):
        return [*own, *keras.tree.flatten(callbacks or [])]
    for callback in own:
        callback.set_model(model)
        callback.set_params(callbacks.params)
    # Those of an earlier fit() hold what may have been exchanged since.
    kinds = tuple(type(callback) for callback in own)
    others = [each for each in callbacks.callbacks if not isinstance(each, kinds)]
    callbacks.callbacks[:] = [*own, *others]
    return callbacks


def _check_batches(number: int | None, epoch: int = 0) -> None:
    if number == 0:
        raise ValueError(
            f"No batch came in epoch {epoch + 1}, so nothing was trained and the epoch does not "
            "count. Pass data that are not empty; a generator or a dataset that is used up needs "
            ".repeat(), or fewer epochs."
        )


def first_broken_weight(layers: list[keras.layers.Layer]) -> str | None:
    """The first weight that is not finite, in words; None if all are.

    Args:
        layers: The layers whose weights are looked at.
    """
    for layer in layers:
        for weight in layer.weights:
            is_number = keras.backend.is_float_dtype(weight.dtype)
            if is_number and not np.isfinite(ops.convert_to_numpy(weight)).all():
                return f"'{weight.name}' of '{layer.name}'"
    return None
