"""When which network is updated, and what the factors' budget is."""

from numbers import Integral

from keras import ops

from keras_switcher.structure import Structure
from keras_switcher.training.alternation import ALTERNATIONS, updates_in_epoch
from keras_switcher.training.budget import Budget
from keras_switcher.training.budget_advice import TrainingSoFar
from keras_switcher.training.budget_progress import BudgetProgress
from keras_switcher.training.optimizers import TwoOptimizers
from keras_switcher.training.refusals import refuse_unknown_macs
from keras_switcher.training.sensitivity import Sensitivities


class ScheduledNetwork(TwoOptimizers):
    """The part of `SwitcherModel` that counts epochs, and knows what is due in each of them.

    Args:
        alternation: See `SwitcherModel`.
        budget: See `SwitcherModel`.
        warmup_epochs: See `SwitcherModel`.
        *args: As for `SwitchedNetwork`.
        **kwargs: As for `SwitchedNetwork`.
    """

    def __init__(self, alternation, budget, warmup_epochs, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.budget_progress = BudgetProgress()
        self.sensitivities = Sensitivities([*self.gated.groups, *self.gated.connections])
        self.advised: set[str] = set()  # What fit() has said already.
        self.budget = budget
        self.warmup_epochs = warmup_epochs
        self.alternation = alternation
        state = {"shape": (), "initializer": "zeros", "trainable": False, "dtype": "float32"}
        state["aggregation"] = "only_first_replica"
        # Whole epochs over all fits; the share of the current one that is done; a step's share.
        self.epochs_seen = self.add_weight(name="epochs_seen", **state)
        self.epoch_share = self.add_weight(name="epoch_share", **state)
        self.step_share = self.add_weight(name="step_share", **state)
        self.look_ahead()

    @property
    def budget(self) -> Budget | None:
        """The share to keep; see the constructor. Can be changed between fits."""
        return self._budget

    @budget.setter
    def budget(self, value):
        if value is not None:
            if not isinstance(value, Budget):
                raise ValueError(
                    "`budget` must be None or a keras_switcher.Budget, for example "
                    f"Budget(keep=0.25). Received: budget={value!r}."
                )
            refuse_unknown_macs(value, self.gated.channel_graph)
            self.gated.check_reachable(value)
        self._budget = value
        for state in (self.budget_progress.waited, self.budget_progress.lag):
            state.assign(0.0)  # Another budget has neither waited nor lagged yet.

    @property
    def warmup_epochs(self) -> int:
        """Epochs with factors of one; see the constructor. Can be changed between fits."""
        return self._warmup_epochs

    @warmup_epochs.setter
    def warmup_epochs(self, value):
        if not isinstance(value, Integral) or value < 0:
            raise ValueError(
                "`warmup_epochs` must be a number of epochs, 0 or more. "
                f"Received: warmup_epochs={value!r}."
            )
        self._warmup_epochs = int(value)

    @property
    def alternation(self) -> str:
        """Which network is updated when; see the constructor."""
        return self._alternation

    @alternation.setter
    def alternation(self, value):
        if value not in ALTERNATIONS:
            raise ValueError(
                f"`alternation` must be one of {ALTERNATIONS}. Received: alternation={value!r}."
            )
        self._alternation = value

    def structure(self) -> Structure:
        """What was learned: per group the channels kept, strengthened, weakened and pruned.

        Raises:
            ValueError: If factors are negative or not finite.
        """
        return Structure(
            self.gated.channel_graph, self.gated.names, self.plan(), self.budget, self._so_far()
        )

    def _so_far(self):
        progress = self.budget_progress
        values = [self.epochs_seen, progress.waited, progress.learns, progress.gradient_norm()]
        epochs, waited, learns, gradient = (float(ops.convert_to_numpy(v)) for v in values)
        return TrainingSoFar(epochs, waited, bool(learns), gradient)

    def look_ahead(self):
        """Finds out what the epoch that comes brings.

        Sets `updates`, its backward passes, see `alternation.updates_in_epoch`, and `warms_up`:
        whether all factors are one.
        """
        epoch = int(ops.convert_to_numpy(self.epochs_seen))
        self.updates = updates_in_epoch(epoch, self.alternation, self.warmup_epochs)
        self.warms_up = epoch < self.warmup_epochs

    def raw_factors_to_train(self) -> dict:
        """The factors of a training step; in the warm-up the switcher need not be asked."""
        return self.gated.ones() if self.warms_up else self.raw_factors(training=True)

    def acting(self, factors: dict) -> dict:
        """Factors as they act: ones in the warm-up; under a budget, those near zero are zero."""
        if self.warmup_epochs:
            is_over = self.epochs_seen >= self.warmup_epochs
            factors = {n: ops.where(is_over, f, ops.ones_like(f)) for n, f in factors.items()}
        return self.budget.acting(factors) if self.budget else factors
