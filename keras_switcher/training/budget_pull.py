"""BudgetPull: the gradient of a budget's penalty on the factors, in each training step."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_switcher.graph.downstream import feeds_normalization
from keras_switcher.graph.packing import by_granularity
from keras_switcher.training.budget import OF_CONNECTIONS
from keras_switcher.training.losses import shuffled_loss
from keras_switcher.training.pull import Pull


class BudgetPull:
    """What a `SwitcherModel` asks about its budget in each backward pass.

    Args:
        model: The `SwitcherModel`.
    """

    def __init__(self, model: keras.Model) -> None:
        groups, channel_graph = model.gated.groups, model.gated.channel_graph
        self.pull = Pull(groups, feeds_normalization(channel_graph, groups))
        self._model = model

    def begin(self, raw: dict, loss: Any, x: Any, y: Any, y_pred: Any, sample_weight: Any) -> dict:
        """Before the backward pass: looks at the loss, and finds what the budget pulls at.

        Args:
            raw: The raw factors.
            loss: The task's loss of this batch.
            x: Inputs.
            y: Labels.
            y_pred: Outputs.
            sample_weight: Weights of the samples, or None.

        Returns:
            Maps names of groups to the budget's gradient on their factors; empty in the warm-up.
        """
        model = self._model
        self._watch_learning(loss, x, y, y_pred, sample_weight)
        model.switcher.spread(model.budget.opening(self._epoch()))
        return {} if model.schedule.warms_up else self._pulls(raw)

    def end(self, of_factors: dict, pulls: dict, raw: dict, gradients: dict) -> dict:
        """After the backward pass: measures the task's gradient, and holds the switcher back.

        A switcher that moves before anything is learned can keep a network from learning. Its
        gradients are zero until then, and not left out: the schedule of its rates goes on.

        Args:
            of_factors: Gradients on the factors, scaled like the loss, the budget's among them.
            pulls: What `begin` returned.
            raw: The raw factors.
            gradients: Gradients by name of network.

        Returns:
            The gradients by name of network with which to update.
        """
        progress = self._model.budget_progress
        scale = self._model.optimizers.scale_loss(1.0, list(gradients))
        own = {
            name: of_factors[name] / ops.cast(scale, pull.dtype) - pull
            for name, pull in pulls.items()
            if of_factors[name] is not None
        }
        own = self._model.over_replicas(own)
        progress.see_gradient(_squared_norm(own, raw))
        self._model.sensitivities.see(own)
        moves = progress.is_open(self._model.budget)
        held = [
            None if gradient is None else ops.cast(moves, gradient.dtype) * gradient
            for gradient in gradients.get("switcher", ())
        ]
        return {**gradients, "switcher": held}

    def _pulls(self, raw: dict) -> dict:
        """The budget's gradient on the factors, as long as it should be beside the task's."""
        budget = self._model.budget
        kept, costs = self._model.gradient(
            lambda factors: self._model.accounting.kept(factors, budget.of), raw
        )
        costs = {name: cost for name, cost in costs.items() if cost is not None}
        progress = self._model.budget_progress
        relied_on = self._model.sensitivities.relied_on()
        is_late = budget.is_late(progress.lag)
        slopes = self.pull(costs, raw, relied_on, kept < budget.keep, is_late)
        above = ops.relu(kept - ops.cast(budget.target(self._epoch()), kept.dtype))
        share = self._model.step_share / len(self._model.schedule.updates)
        progress.see_lag(above, share / max(1.0, budget.end_epoch - budget.start_epoch))
        of_task = ops.cast(progress.gradient_norm(), kept.dtype)
        longest = ops.cast(budget.length(progress.lag), kept.dtype) * of_task
        slope_of_kept = ops.cast(budget.slope(kept, self._epoch()), kept.dtype)
        # A network that is off as a whole has no gradient: any length brings it back.
        is_dead = ops.logical_and(kept <= 0, of_task <= 0)
        of_empty = ops.where(is_dead, ops.ones_like(longest), longest)
        back = ops.cast(budget.slope_of_empty(kept), kept.dtype) * of_empty
        # compute_loss divides by the number of replicas, whose gradients are summed.
        replicas = self._model.distribute_strategy.num_replicas_in_sync

        pulls = {}
        channels, connections = by_granularity(slopes)
        for grain, of_grain in (channels, 1.0), (connections, OF_CONNECTIONS):
            length = ops.cast(ops.sqrt(_squared_norm(grain, raw)), kept.dtype)
            pull = slope_of_kept * ops.divide_no_nan(of_grain * longest, length)
            for name, slope in grain.items():
                of_whole = _of_empty(raw[name], back)
                pulls[name] = (ops.cast(pull, slope.dtype) * slope + of_whole) / replicas
        return pulls

    def _watch_learning(self, loss: Any, x: Any, y: Any, y_pred: Any, sample_weight: Any) -> None:
        """Compares the loss with that of outputs which belong to other samples."""
        model = self._model
        added = ops.cast(sum(map(ops.sum, model.losses)), loss.dtype)
        replicas = model.distribute_strategy.num_replicas_in_sync
        shuffled = shuffled_loss(model, x, y, y_pred, sample_weight)
        of_both = {"loss": loss - added / replicas, "shuffled": shuffled - added / replicas}
        model.budget_progress.see_loss(**self._model.over_replicas(of_both))
        epoch = model.epochs_seen + ops.minimum(model.epoch_share, 1.0)
        model.budget_progress.wait(
            model.budget, epoch, model.step_share / len(model.schedule.updates)
        )

    def _epoch(self) -> Any:
        """The epoch that it is, without what the budget has waited."""
        model = self._model
        waited = ops.cast(model.budget_progress.waited, "float32")
        return model.epochs_seen + ops.minimum(model.epoch_share, 1.0) - waited


def _of_empty(factors: Any, back: Any) -> Any:
    """A gradient of this length for a group of which nothing is on.

    The kept share has none: what two empty groups share stays nothing when one of them comes back.
    """
    is_empty = ops.cast(ops.max(factors) <= 0, factors.dtype)
    each = ops.cast(back, factors.dtype) / np.sqrt(np.prod(factors.shape))
    return is_empty * each * ops.ones_like(factors)


def _squared_norm(vectors: dict, raw: dict) -> Any:
    """The squared length of vectors over the factors that are on."""
    on = [ops.cast(raw[name] > 0, vector.dtype) * vector for name, vector in vectors.items()]
    return sum(ops.sum(ops.square(vector)) for vector in on)
