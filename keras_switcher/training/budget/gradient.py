"""BudgetGradient: the gradient of a budget's penalty on the factors, in each backward pass."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from keras import ops

from keras_switcher.gating.gated_network import GatedNetwork
from keras_switcher.graph.downstream import feeds_normalization
from keras_switcher.switchers.switcher import Switcher
from keras_switcher.tensors import Tensor
from keras_switcher.training.accounting import Accounting
from keras_switcher.training.budget.budget import OF_CONNECTIONS, Budget
from keras_switcher.training.budget.sensitivity import Sensitivities
from keras_switcher.training.budget.slopes import Slopes
from keras_switcher.training.budget.state import BudgetState
from keras_switcher.training.schedule import Schedule


class BudgetGradient:
    """The budget's gradient on the factors, per backward pass.

    Args:
        gated: The `GatedNetwork`.
        switcher: The `Switcher`, whose factors are spread when the target begins to fall.
        schedule: The `Schedule`.
        accounting: The `Accounting` of the gated network.
        state: The `BudgetState`.
        sensitivities: The `Sensitivities` of the gated network's groups.
    """

    def __init__(
        self,
        gated: GatedNetwork,
        switcher: Switcher,
        schedule: Schedule,
        accounting: Accounting,
        state: BudgetState,
        sensitivities: Sensitivities,
    ) -> None:
        self.slopes = Slopes(gated.groups, feeds_normalization(gated.channel_graph, gated.groups))
        # The names of each granularity, and how long the gradient on its factors is.
        self._granularity = (
            ([group.name for group in gated.groups], 1.0),
            ([group.name for group in gated.connections], OF_CONNECTIONS),
        )
        self._switcher = switcher
        self._schedule = schedule
        self._accounting = accounting
        self._state = state
        self._sensitivities = sensitivities

    def begin(
        self,
        budget: Budget,
        losses: dict[str, Tensor],
        raw: dict[str, Tensor],
        gradient: Callable,
        replicas: int,
    ) -> dict[str, Tensor]:
        """Before the backward pass: looks at the losses, and finds what the budget pulls at.

        Args:
            budget: The `Budget`.
            losses: See `keras_switcher.training.losses.compared_losses`; sums over all replicas.
            raw: The raw factors; none in the warm-up.
            gradient: Called as `gradient(function, factors)`: what a function makes of factors, and
                its gradient on them, by name.
            replicas: The number of replicas, whose gradients are summed.

        Returns:
            Maps names of groups to the budget's gradient on their factors; empty in the warm-up.
        """
        state, schedule = self._state, self._schedule
        epoch, share = schedule.epoch, schedule.update_share
        state.see_loss(**losses)
        state.wait(budget, epoch, share)
        epoch = epoch - state.waited.value
        self._switcher.spread(budget.initial_spread(epoch))
        if not raw:
            return {}
        kept, costs = gradient(partial(self._accounting.kept, of=budget.measure), raw)
        costs = {name: cost for name, cost in costs.items() if cost is not None}
        is_short, lateness = kept < budget.keep, budget.lateness(state.lag)
        slopes = self.slopes(costs, raw, self._sensitivities.normalized(), is_short, lateness)
        above = ops.relu(kept - ops.cast(budget.target(epoch), kept.dtype))
        state.see_lag(above, share / max(1.0, budget.end_epoch - budget.start_epoch))
        return self._scaled(budget, raw, slopes, kept, epoch, replicas)

    def end(self, budget: Budget, of_task: dict[str, Tensor], raw: dict[str, Tensor]) -> Tensor:
        """After the backward pass: measures the gradient of the task's loss on the factors.

        Args:
            budget: The `Budget`.
            of_task: See `task_gradient`; sums over all replicas.
            raw: The raw factors.

        Returns:
            1 where the switcher may move, 0 elsewhere: see `held_back`.
        """
        self._state.see_gradient(_squared_norm(of_task, raw))
        self._sensitivities.see(of_task)
        return self._state.may_move(budget)

    def _scaled(
        self,
        budget: Budget,
        raw: dict[str, Tensor],
        slopes: dict[str, Tensor],
        kept: Tensor,
        epoch: Tensor,
        replicas: int,
    ) -> dict[str, Tensor]:
        """Slopes, as long as they should be beside the task's gradient."""
        of_task = ops.cast(self._state.gradient_norm(), kept.dtype)
        longest = ops.cast(budget.length(self._state.lag), kept.dtype) * of_task
        slope_of_kept = ops.cast(budget.slope(kept, epoch), kept.dtype)
        # A network that is off as a whole has no gradient: any length brings it back.
        is_dead = ops.logical_and(kept <= 0, of_task <= 0)
        of_empty = ops.where(is_dead, ops.ones_like(longest), longest)
        back = ops.cast(budget.slope_of_empty(kept), kept.dtype) * of_empty
        scaled = {}
        for names, relative_length in self._granularity:
            of_kind = {name: slopes[name] for name in names if name in slopes}
            length = ops.cast(ops.sqrt(_squared_norm(of_kind, raw)), kept.dtype)
            pull = slope_of_kept * ops.divide_no_nan(relative_length * longest, length)
            for name, slope in of_kind.items():
                of_whole = _of_empty(raw[name], back)
                # The loss is divided by the number of replicas, whose gradients are summed.
                scaled[name] = (ops.cast(pull, slope.dtype) * slope + of_whole) / replicas
        return scaled


def task_gradient(
    of_factors: dict[str, Tensor], pulls: dict[str, Tensor], scale: Tensor
) -> dict[str, Tensor]:
    """The gradient of the task's own loss on the factors.

    Args:
        of_factors: Gradients on the factors, scaled like the loss, the budget's among them.
        pulls: What `BudgetGradient.begin` returned.
        scale: By how much the loss is scaled (float16).
    """
    return {
        name: of_factors[name] / ops.cast(scale, pull.dtype) - pull
        for name, pull in pulls.items()
        if of_factors[name] is not None
    }


def held_back(gradients: list[Tensor | None], may_move: Tensor) -> list[Tensor | None]:
    """The switcher's gradients, zero until the network learns.

    A switcher that moves before anything is learned can keep a network from learning. Its gradients
    are zero until then, and not left out: the schedule of its rates goes on.

    Args:
        gradients: The gradients.
        may_move: 1 or 0, see `BudgetState.may_move`.
    """
    return [None if g is None else ops.cast(may_move, g.dtype) * g for g in gradients]


def _of_empty(factors: Tensor, back: Tensor) -> Tensor:
    """A gradient of this length for a group of which nothing is on.

    The kept share has none: what two empty groups share stays nothing when one of them comes back.
    """
    is_empty = ops.cast(ops.max(factors) <= 0, factors.dtype)
    each = ops.cast(back, factors.dtype) / np.sqrt(np.prod(factors.shape))
    return is_empty * each * ops.ones_like(factors)


def _squared_norm(vectors: dict[str, Tensor], raw: dict[str, Tensor]) -> Any:
    """The squared length of vectors over the factors that are on."""
    on = [ops.cast(raw[name] > 0, vector.dtype) * vector for name, vector in vectors.items()]
    return sum(ops.sum(ops.square(vector)) for vector in on)
