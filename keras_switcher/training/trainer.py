"""Trainer: how a batch is trained and evaluated, whichever backend computes the gradients."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
from keras import ops

from keras_switcher.gating.gated_network import GatedNetwork
from keras_switcher.gating.inference import InferenceKernels, Renewing
from keras_switcher.tensors import Tensor
from keras_switcher.training.accounting import Accounting
from keras_switcher.training.budget.budget import Budget
from keras_switcher.training.budget.gradient import BudgetGradient, held_back, task_gradient
from keras_switcher.training.forward_pass import ForwardPass
from keras_switcher.training.losses import (
    check_labels,
    compared_losses,
    forget_losses,
    reported_loss,
)
from keras_switcher.training.metrics import WeightsRemoved
from keras_switcher.training.optimizers import OptimizerPair
from keras_switcher.training.schedule import Schedule
from keras_switcher.training.traced_steps import TracedSteps


class Trainer(keras.Model):
    """The half of a `SwitcherModel` that trains and evaluates; a backend's own is a subclass.

    The arguments are those of `keras.Model`. What is annotated here is its subclass's.
    """

    task: keras.Model
    switcher: keras.layers.Layer
    gated: GatedNetwork
    schedule: Schedule
    accounting: Accounting
    weights_removed: WeightsRemoved
    inference: InferenceKernels
    budget: Budget | None
    budget_gradient: BudgetGradient
    optimizer: keras.optimizers.Optimizer
    switcher_optimizer: keras.optimizers.Optimizer
    warmup_epochs: int
    gradient_through_switcher: bool
    raw_factors: Callable[..., dict[str, Tensor]]
    effective_factors: Callable[..., dict[str, Tensor]]
    inference_factors: Callable[..., dict[str, Tensor]]
    # What Keras keeps behind fit(), evaluate() and predict(): None until it is made.
    train_function: Any
    test_function: Any
    predict_function: Any
    _traced_steps: TracedSteps

    # What a backend brings.

    def gradients(
        self, forward: Callable[[dict], ForwardPass], sources: dict[str, list[keras.Variable]]
    ) -> tuple[ForwardPass, dict[str, list], dict[str, Tensor | None]]:
        """A forward and a backward pass.

        Args:
            forward: Makes the `ForwardPass`; takes what is to be added to the raw factors, by
                name, nothing if it is empty.
            sources: Variables, by name of network.

        Returns:
            The `ForwardPass`, the objective's gradients on the variables, and those on the raw
            factors where a budget pulls at them.
        """
        raise NotImplementedError

    @staticmethod
    def gradient(function: Callable, factors: dict[str, Tensor]) -> tuple[Tensor, dict]:
        """The scalar that a function makes of factors, and its gradient on them, by name."""
        raise NotImplementedError

    def compiled_function(self, function: Callable) -> Callable:
        """A function compiled as a whole, as far as the backend does that."""
        raise NotImplementedError

    def apply_update(
        self,
        optimizer: keras.optimizers.Optimizer,
        gradients: list,
        variables: list[keras.Variable],
    ) -> None:
        """Updates variables with an optimizer."""
        optimizer.apply(gradients, variables)

    @property
    def replicas(self) -> int:
        """The number of copies of a step whose gradients are summed."""
        return 1

    def over_replicas(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """Sums over all replicas."""
        return values

    def device_scope(self) -> AbstractContextManager:
        """A scope in which variables are made where the model's are."""
        return nullcontext()

    def synchronize(self) -> None:
        """Gives the variables what a running fit() has reached, where it holds that elsewhere."""

    # What all backends share.

    @property
    def optimizers(self) -> OptimizerPair:
        """Both optimizers and what they update."""
        raise NotImplementedError

    @property
    def mean_loss(self) -> keras.metrics.Metric:
        """The mean loss of an epoch that Keras keeps; a subclass may leave it out of `metrics`."""
        return next(metric for metric in super().metrics if metric.name == "loss")

    def make_train_function(self, force: bool = False) -> Callable:
        """Builds the function behind fit(), for those networks that are due now."""
        if force or self.train_function is None:  # As compile() leaves it.
            self._traced_steps = TracedSteps()
        self.schedule.look_ahead()
        # By value: a new Budget object per fit, with the same settings, needs no step of its own.
        budget = repr(sorted(self.budget.get_config().items())) if self.budget else None
        settings = budget, self.warmup_epochs, self.gradient_through_switcher
        traced_with = self.schedule.updates, self.schedule.warms_up, *settings
        self.train_function = self._traced_steps.get(traced_with, self.new_train_function)
        return self.train_function

    def new_train_function(self) -> Callable:
        """The function behind fit() for the updates that are due: Keras's own."""
        super().make_train_function(force=True)
        return self.train_function

    def make_test_function(self, force: bool = False) -> None:
        """Builds the function behind evaluate()."""
        super().make_test_function(force)
        self.test_function = self._renewing(self.test_function, self._renew_and_report)

    def make_predict_function(self, force: bool = False) -> None:
        """Builds the function behind predict()."""
        super().make_predict_function(force)
        self.predict_function = self._renewing(self.predict_function, self.inference.renew)

    def _renewing(self, function: Callable, renew: Callable) -> Renewing:
        if isinstance(function, Renewing):
            function.stale = True
            return function
        with self.device_scope():
            self.inference.prepare()
        return Renewing(function, self.renewal(renew), self.inference)

    def renewal(self, renew: Callable[[dict], None]) -> Callable:
        """What renews the scaled kernels before a run of evaluate() or predict().

        Args:
            renew: Takes the factors.

        Returns:
            Called with the arguments of Keras's function; returns them.
        """
        # Op by op, a deep network's hundred groups would take longer than a batch.
        renew = renew if self.run_eagerly else self.compiled_function(renew)

        def renewed(*arguments: Any) -> tuple:
            renew(self.inference_factors())
            return arguments

        return renewed

    def _renew_and_report(self, factors: dict) -> None:
        self.inference.renew(factors)
        self.weights_removed.set_state(self.accounting.weights_removed(factors))

    def train_step(self, data: Any) -> dict:
        """One batch of fit(): a backward pass for each network that is due; returns logs."""
        batch = keras.utils.unpack_x_y_sample_weight(data)
        for names in self.schedule.updates:
            self.end_update(names, *self.backward(*batch), *batch)
        return self.get_metrics_result()

    def test_step(self, data: Any) -> dict:
        """One batch of evaluate(), with the factors computed before the first batch."""
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        with self.inference.scope() as scope:
            y_pred = self.task(x, training=False)
        forget_losses(self.switcher)  # Those of the last update.
        reported_loss(
            self, self.mean_loss, x, y, y_pred, sample_weight, training=False, added=scope.losses
        )
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data: Any) -> Any:
        """One batch of predict(), with the factors computed before the first batch."""
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        with self.inference.scope():
            return self.task(x, training=False)

    # Where labels are missing, both say so: some backends build metrics, some the loss first.

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """The loss of a batch, see `keras.Model`."""
        check_labels(self, y)
        return super().compute_loss(x, y, y_pred, sample_weight, training)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict:
        """Takes a batch into the metrics, see `keras.Model`."""
        check_labels(self, y)
        return super().compute_metrics(x, y, y_pred, sample_weight)

    def backward(self, x: Any, y: Any, sample_weight: Any) -> tuple[ForwardPass, dict]:
        """A forward and a backward pass for all networks that this step updates.

        Of the task's loss: equations 5 (switcher), 6 (task network) and 7 (in the warm-up) of arXiv
        2110.05954.
        """
        due = sorted({name for names in self.schedule.updates for name in names})
        optimizers, budget = self.optimizers, self.budget

        def forward(added: dict) -> ForwardPass:
            return self._forward(due, added, x, y, sample_weight)

        passed, gradients, of_factors = self.gradients(forward, optimizers.sources(due))
        if budget is not None and passed.pulls:
            scale = optimizers.scale_loss(1.0, due)
            of_task = self.over_replicas(task_gradient(of_factors, passed.pulls, scale))
            may_move = self.budget_gradient.end(budget, of_task, passed.raw)
            gradients["switcher"] = held_back(gradients.get("switcher", []), may_move)
        return passed, gradients

    def _forward(
        self, due: list[str], added: dict, x: Any, y: Any, sample_weight: Any
    ) -> ForwardPass:
        forget_losses(self.switcher)
        raw = {} if self.schedule.warms_up else self.raw_factors(training=True)
        if added:
            raw = {name: raw[name] + ops.cast(added[name], raw[name].dtype) for name in raw}
        factors = self.effective_factors(raw) if raw else self.gated.ones()
        y_pred = self.gated.run(x, factors, training=True)
        batch = x, y, y_pred, sample_weight
        objective = reported_loss(self, self.mean_loss, *batch, training=True)
        pulls = self._pulls(self.budget, objective, raw, *batch) if self.budget else {}
        if pulls:
            # Its gradient on the factors is `pulls`, whatever their units.
            pulled = sum(ops.sum(pull * raw[name]) for name, pull in pulls.items())
            objective += ops.cast(pulled, objective.dtype)
        objective = self.optimizers.scale_loss(objective, due)
        return ForwardPass(objective, y_pred, factors, raw, pulls)

    def _pulls(
        self, budget: Budget, loss: Tensor, raw: dict, x: Any, y: Any, y_pred: Any, weight: Any
    ) -> dict[str, Tensor]:
        """The budget's gradient on the raw factors: constants of the backward pass."""
        loss, raw, y_pred = keras.tree.map_structure(ops.stop_gradient, (loss, raw, y_pred))
        losses = compared_losses(self, loss, x, y, y_pred, weight)
        losses = self.over_replicas(keras.tree.map_structure(ops.stop_gradient, losses))
        pulls = self.budget_gradient.begin(budget, losses, raw, self.gradient, self.replicas)
        return {name: ops.stop_gradient(pull) for name, pull in pulls.items()}

    def end_update(
        self,
        names: tuple[str, ...],
        passed: ForwardPass,
        gradients: dict,
        x: Any,
        y: Any,
        sample_weight: Any,
    ) -> None:
        """Updates networks; what ends a training step comes with the last of its updates."""
        self.optimizers.apply_gradients(names, gradients, self.apply_update)
        if names is self.schedule.updates[-1]:
            self.schedule.end_step()
            self.weights_removed.update_state(self.accounting.weights_removed(passed.factors))
            self.compute_metrics(x, y, passed.y_pred, sample_weight)
