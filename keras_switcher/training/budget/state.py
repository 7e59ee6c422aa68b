"""BudgetState: the variables of a budget: running loss and gradient norm, wait, lag."""

from typing import Any

import keras
from keras import ops

from keras_switcher.tensors import precision
from keras_switcher.training.budget.budget import Budget

# Decay per update of the running mean of squared gradients: a memory of a thousand updates. With
# a shorter one the budget loosens its grip as training ends, and more than it asks for is lost.
GRADIENT_DECAY = 0.999
# Decay of the running losses: a memory of twenty updates.
LOSS_DECAY = 0.95
# The first loss is the mean of so many updates.
FIRST_UPDATES = 10
# A network that starts anew learns while its running loss is below this share of the first one. At
# .8, and at a high rate at .6 still, some without normalisations fell back; at .4 a regression that
# learns slowly lost the time that it needs after the fall.
OF_FIRST = 0.5
# A network has learned before if its first losses are below this share of those of outputs that
# belong to other samples, or if the very first is below half of it: few batches differ by chance.
OF_SHUFFLED, AT_ONCE = 0.9, 0.5


class BudgetState(keras.layers.Layer):
    """The state behind a `Budget` that training keeps and a file saves.

    Attributes:
        gradients: Running sum of squared norms of the task's gradient on the factors, and the sum
            of its weights.
        running_losses: Running sums of the task's loss and of the loss of outputs that belong to
            other samples, and the sum of their weights.
        first_loss: The mean loss of the first updates.
        updates: Number of updates.
        was_trained: 1 if the network knew something of its inputs at the first updates.
        is_learning: 1 while the network learns, or if it was trained before; else 0.
        waited: For how many epochs the budget has waited.
        has_lost: Whether the last fit() has lost what it had learned; not saved.
        lag: How far the kept share was above the target, summed over time, the fall being 1 (or
            an epoch, if it falls faster).
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"name": "budget_progress", "dtype": precision(), **kwargs})
        # Their order and names are those of older files.
        self.gradients = self._add("gradients", (2,))
        self.running_losses = self._add("running_losses", (3,))
        self.first_loss = self._add("first_loss")
        self.updates = self._add("updates")
        self.was_trained = self._add("knows")
        self.is_learning = self._add("learns")
        self.waited = self._add("waited")
        self.lag = self._add("lag")
        self.has_lost = False
        self.built = True

    def _add(self, name: str, shape: tuple[int, ...] = ()) -> keras.Variable:
        return self.add_weight(
            name=name,
            shape=shape,
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
        )

    def start_anew(self) -> None:
        """Another budget has neither waited nor lagged yet."""
        for state in (self.waited, self.lag):
            state.assign(0.0)

    def gradient_norm(self) -> Any:
        """The root mean square of the task's gradient on the factors; 0 before any update."""
        total, weight = ops.unstack(self.gradients.value)
        return ops.sqrt(ops.divide_no_nan(total, weight))

    def see_gradient(self, squared_norm: Any) -> None:
        """Takes in a batch's squared norm; one that is not finite is passed over."""
        squared_norm = ops.cast(squared_norm, self.dtype)
        is_finite = ops.isfinite(squared_norm)
        new = ops.stack([ops.where(is_finite, squared_norm, 0.0), ops.ones_like(squared_norm)])
        decayed = GRADIENT_DECAY * self.gradients + (1 - GRADIENT_DECAY) * new
        self.gradients.assign(ops.where(is_finite, decayed, self.gradients.value))

    def see_loss(self, loss: Any, shuffled: Any) -> None:
        """Takes in a batch's loss, and that of outputs which belong to other samples.

        Losses are compared by differences, so they may be negative.
        """
        loss, shuffled = ops.cast(loss, self.dtype), ops.cast(shuffled, self.dtype)
        new = ops.stack([loss, shuffled, ops.ones_like(loss)])
        self.running_losses.assign(LOSS_DECAY * self.running_losses + (1 - LOSS_DECAY) * new)
        total, total_shuffled, weight = ops.unstack(self.running_losses.value)
        running, of_others = total / weight, total_shuffled / weight
        is_first = self.updates < FIRST_UPDATES
        mean = self.first_loss + (loss - self.first_loss) / (self.updates + 1)
        self.first_loss.assign(ops.where(is_first, mean, self.first_loss.value))
        self.updates.assign_add(1.0)
        first = self.first_loss.value
        has_fallen = ops.cast(first - running > (1 - OF_FIRST) * ops.abs(first), self.dtype)
        of_shuffled = ops.where(self.updates < FIRST_UPDATES, AT_ONCE, OF_SHUFFLED)
        is_better = of_others - running > (1 - of_shuffled) * ops.abs(of_others)
        is_start = self.updates <= FIRST_UPDATES
        was_trained = ops.cast(ops.logical_and(is_start, is_better), self.dtype)
        self.was_trained.assign(ops.maximum(self.was_trained.value, was_trained))
        self.is_learning.assign(ops.maximum(self.was_trained.value, has_fallen))

    def see_lag(self, above: Any, share: Any) -> None:
        """Takes in how far the kept share is above the target while a share of the fall goes by."""
        self.lag.assign_add(ops.cast(above, self.dtype) * ops.cast(share, self.dtype))

    def wait(self, budget: Budget, epoch: Any, share: Any) -> None:
        """Lets a share of an epoch go by: a budget that is due waits if nothing is learned yet.

        Args:
            budget: The `Budget`.
            epoch: The epoch that it is.
            share: The share of it that goes by.
        """
        is_due = ops.logical_and(epoch >= budget.start_epoch, self.is_learning == 0)
        waited = ops.minimum(self.waited + ops.cast(share, self.dtype), budget.longest_wait)
        self.waited.assign(ops.where(is_due, waited, self.waited.value))

    def may_move(self, budget: Budget) -> Any:
        """1 where the switcher may move: the network learns, or has been waited for long enough."""
        has_waited = ops.cast(self.waited >= budget.longest_wait, self.dtype)
        return ops.maximum(self.is_learning.value, has_waited)

    def is_waiting(self, budget: Budget, epoch: float) -> bool:
        """Whether a budget waits in this epoch."""
        waited = float(ops.convert_to_numpy(self.waited))
        is_learning = bool(ops.convert_to_numpy(self.is_learning))
        return not is_learning and epoch >= budget.start_epoch and waited < budget.longest_wait

    def load_own_variables(self, store: Any) -> None:
        """Loads the state; files that are older than it have none, and it starts anew."""
        if store.keys():
            super().load_own_variables(store)
