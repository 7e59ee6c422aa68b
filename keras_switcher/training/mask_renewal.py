"""MaskRenewal: the callback of fit() that renews the masks of a gradual switcher."""

from typing import NoReturn

import keras
import numpy as np
from keras import ops

from keras_switcher.gating.gated_network import GatedNetwork
from keras_switcher.graph.groups import ChannelGroup, ConnectionGroup
from keras_switcher.pruning.allocation.allocation import allocate
from keras_switcher.pruning.allocation.projection import project
from keras_switcher.pruning.costs import cost_of
from keras_switcher.pruning.criteria import ScoredNetwork, check_scores, get
from keras_switcher.pruning.planning import plan_removal
from keras_switcher.switchers.gradual import Gradual
from keras_switcher.training.budget.advice import TrainingSoFar, advice_on_masks
from keras_switcher.training.budget.budget import Budget
from keras_switcher.training.budget.sensitivity import Sensitivities
from keras_switcher.training.budget.state import BudgetState
from keras_switcher.training.schedule import Schedule


class MaskRenewal(keras.callbacks.Callback):
    """Scores all channels every so many batches, and keeps the best that the target has room for.

    `SwitcherModel.fit` adds it by itself where the switcher is a `Gradual`.

    Args:
        switcher: The `Gradual`.
        gated: The `GatedNetwork`.
        budget: The `Budget`.
        schedule: The `Schedule`.
        state: The `BudgetState`.
        sensitivities: The `Sensitivities`, which gradients on the factors are taken from.
        advised: What users were told already, see `advice_on_masks`.

    Attributes:
        advice: What is to be said of this training once it has ended, or None.

    Raises:
        ValueError: If there is no criterion of that name.
    """

    def __init__(
        self,
        switcher: Gradual,
        gated: GatedNetwork,
        budget: Budget,
        schedule: Schedule,
        state: BudgetState,
        sensitivities: Sensitivities,
        advised: set[str],
    ) -> None:
        super().__init__()
        self._switcher = switcher
        self._gated = gated
        self._budget = budget
        self._schedule = schedule
        self._state = state
        self._sensitivities = sensitivities
        self._advised = advised
        self._criterion = get(switcher.criterion)
        self._next = 0  # The first batch of the epoch at which masks are made anew.
        self.advice: str | None = None

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._next = 0

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._scores()  # What a criterion lacks is said now, and not epochs later.

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        # Where several steps are executed at once, Keras calls at the first one of them alone.
        if batch >= self._next and not self._schedule.warms_up:
            every = self._switcher.renew_every
            self._next = (batch // every + 1) * every
            self._renew()

    def on_train_end(self, logs: dict | None = None) -> None:
        if not self._schedule.warms_up:
            self._renew()  # The budget holds, even where its last epoch was the last one.
        if not self._has_reached():
            self._advise()

    def _renew(self) -> None:
        """Makes masks for the target as it is now, until the budget has been reached."""
        self.model.synchronize()
        target = float(ops.convert_to_numpy(self._target()))
        if target < 1 and not self._has_reached():
            self._switcher.renew(self._masks(target), target)

    def _has_reached(self) -> bool:
        """Whether the masks that there are were made for the budget as it is in the end."""
        of_masks = self._switcher.target
        reached = np.asarray(self._budget.keep, of_masks.dtype)
        return bool(ops.convert_to_numpy(of_masks) == reached)

    def _advise(self) -> None:
        """The schedule waited, or training was stopped: tells what the masks keep so far."""
        graph, of, schedule = self._gated.channel_graph, self._budget.measure, self._schedule
        left = cost_of(graph, of, plan_removal(graph, self.model.scaling_factors()))
        self.advice = advice_on_masks(
            self._budget,
            left / cost_of(graph, of),
            TrainingSoFar.of(schedule.epochs_seen, self._state),
            schedule.warmup_epochs,
            self._advised,
        )

    def _target(self) -> keras.KerasTensor:
        return self._budget.target(self._schedule.epoch - self._state.waited.value)

    def _masks(self, target: float) -> dict[str, np.ndarray]:
        gated, switcher, of = self._gated, self._switcher, self._budget.measure
        scores, of_connections = self._scores()
        if not gated.connections:
            arguments = (switcher.allocation, switcher.floor)
            plan = allocate(gated.channel_graph, scores, target, of, *arguments)
            return {group.name: plan.keep[group.name] for group in gated.groups}
        # Factors of zero would be off already.
        positive = {n: np.maximum(s, 1e-30) for n, s in {**scores, **of_connections}.items()}
        projected = project(gated.channel_graph, positive, target, of)
        groups: list[ChannelGroup | ConnectionGroup] = [*gated.groups, *gated.connections]
        return {g.name: projected.factors.get(g.name, np.ones(g.shape)) > 0 for g in groups}

    def _scores(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """What the criterion says of channels, and of connections."""
        gated, criterion = self._gated, self._criterion
        network = ScoredNetwork(
            gated.channel_graph, gated.groups, self._gradients, self._activations
        )
        scores: dict[str, np.ndarray] = {}
        if gated.groups:
            scores = check_scores(criterion.scores(network), gated.groups, criterion)
        if not gated.connections:
            return scores, {}
        of_connections = criterion.connection_scores(gated.connections)
        return scores, check_scores(of_connections, gated.connections, criterion)

    def _gradients(self) -> dict[str, np.ndarray]:
        """Running means of the gradients' sizes on the factors, as those of one batch."""
        means = self._sensitivities.means
        return {name: ops.convert_to_numpy(mean)[None] for name, mean in means.items()}

    def _activations(self) -> NoReturn:
        raise ValueError(
            f"Criterion '{self._switcher.criterion}' needs data of its own, which a gradual "
            "switcher does not have: choose 'group_norm', 'bn_scale', 'taylor' or 'random'."
        )


def renewal_of(model: keras.Model) -> list[MaskRenewal]:
    """The `MaskRenewal` of a `SwitcherModel` whose switcher is a `Gradual`; none for others.

    Raises:
        ValueError: If it has no budget, or an allocation or floor that connections cannot have.
    """
    switcher = model.switcher
    if not isinstance(switcher, Gradual):
        return []
    if model.budget is None:
        raise ValueError(
            f"Switcher '{switcher.name}' follows a budget, and '{model.name}' has none: it would "
            "never remove anything. Pass SwitcherModel(budget=keras_switcher.Budget(...)), or set "
            "`model.budget`."
        )
    if model.gated.connections and (switcher.allocation != "global" or switcher.floor):
        raise ValueError(
            f"Switcher '{switcher.name}' has allocation={switcher.allocation!r} and "
            f"floor={switcher.floor!r}, which channels can have: single connections are ranked "
            "over all layers. Leave both out, or give channels factors (connections=False)."
        )
    parts = model.gated, model.budget, model.schedule, model.budget_progress, model.sensitivities
    return [MaskRenewal(switcher, *parts, model.advised)]
