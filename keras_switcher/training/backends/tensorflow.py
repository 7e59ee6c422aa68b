"""Training and evaluation under TensorFlow: gradients by a tape, graphs, sums over replicas.

Only this file and the one of its graphs import TensorFlow.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from keras_switcher.gating.gated_network import GatedNetwork
from keras_switcher.gating.inference import InferenceKernels, Renewing
from keras_switcher.tensors import Tensor
from keras_switcher.training.accounting import Accounting
from keras_switcher.training.backends.tensorflow_graphs import SharedSteps, graph_of
from keras_switcher.training.budget.budget import Budget
from keras_switcher.training.budget.gradient import BudgetGradient, held_back, task_gradient
from keras_switcher.training.losses import compared_losses, reported_loss, unpacked
from keras_switcher.training.metrics import WeightsRemoved
from keras_switcher.training.optimizers import OptimizerPair
from keras_switcher.training.schedule import Schedule
from keras_switcher.training.traced_steps import TracedSteps


class Trainer(keras.Model):
    """The half of a `SwitcherModel` that a backend brings: how a batch is trained and evaluated.

    The arguments are those of `keras.Model`. What is annotated here is its subclass's.
    """

    task: keras.Model
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

    @property
    def optimizers(self) -> OptimizerPair:
        """Both optimizers and what they update."""
        raise NotImplementedError

    @property
    def mean_loss(self) -> keras.metrics.Metric:
        """The mean loss of an epoch that Keras keeps; a subclass may leave it out of `metrics`."""
        return next(metric for metric in super().metrics if metric.name == "loss")

    def train_step(self, data: Any) -> dict:
        """One batch: a backward pass for each network that is due."""
        batch = unpacked(self, data)
        for names in self.schedule.updates:
            self._end_update(names, *self._backward(*batch), *batch)
        return self.get_metrics_result()

    def make_train_function(self, force: bool = False) -> Callable:
        """Builds the function behind fit(), for those networks that are due now."""
        if force or self.train_function is None:  # As compile() leaves it.
            self._traced_steps = TracedSteps()
        self.schedule.look_ahead()
        # By value: a new Budget object per fit, with the same settings, needs no graph of its own.
        budget = tuple(sorted(self.budget.get_config().items())) if self.budget else None
        settings = budget, self.warmup_epochs, self.gradient_through_switcher
        traced_with = self.schedule.updates, self.schedule.warms_up, *settings
        self.train_function = self._traced_steps.get(traced_with, self._new_function)
        return self.train_function

    def test_step(self, data: Any) -> dict:
        """One batch of evaluate(), with the factors computed before the first batch."""
        x, y, sample_weight = unpacked(self, data)
        with self.inference.scope() as scope:
            y_pred = self.task(x, training=False)
        reported_loss(
            self, self.mean_loss, x, y, y_pred, sample_weight, training=False, added=scope.losses
        )
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data: Any) -> Any:
        """One batch of predict(), with the factors computed before the first batch."""
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        with self.inference.scope():
            return self.task(x, training=False)

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
        with self.distribute_strategy.scope():
            self.inference.prepare()
        # Op by op, a deep network's hundred groups would take longer than a batch.
        renew = renew if self.run_eagerly else graph_of(renew)
        return Renewing(function, lambda: renew(self.inference_factors()), self.inference)

    def _renew_and_report(self, factors: dict) -> None:
        self.inference.renew(factors)
        self.weights_removed.set_state(self.accounting.weights_removed(factors))

    def as_graph(self, function: Callable) -> Callable:
        """A function as one TensorFlow graph."""
        return graph_of(function)

    def over_replicas(self, values: dict) -> dict:
        """Sums over all replicas of a distribution strategy."""
        if self.distribute_strategy.num_replicas_in_sync == 1:
            return values
        return tf.distribute.get_replica_context().all_reduce("SUM", values)

    def _new_function(self) -> Callable:
        if self._shares_graph():
            return SharedSteps(self._take_step, len(self.schedule.updates))
        super().make_train_function(force=True)
        return self.train_function

    def _shares_graph(self) -> bool:
        """Whether fit() runs one graph for all updates of a batch, see `SharedSteps`.

        XLA gets both updates at once: it leaves out of each what it does not need.
        """
        with self.distribute_strategy.scope():
            distributed = tf.distribute.has_strategy()
        apart = self.run_eagerly or self.jit_compile or distributed or self.steps_per_execution > 1
        own_step = type(self).train_step is not Trainer.train_step
        return len(self.schedule.updates) > 1 and not apart and not own_step

    def _take_step(self, number: tf.Tensor, data: Any) -> dict:
        """One of the updates of a batch."""
        batch = unpacked(self, data)
        passed = self._backward(*batch)
        ends = [
            partial(self._end_update, names, *passed, *batch) for names in self.schedule.updates
        ]
        tf.switch_case(number, ends)
        return self.get_metrics_result()

    def _backward(self, x: Any, y: Any, sample_weight: Any) -> tuple[Any, dict, dict]:
        """A forward and a backward pass for all networks that this step updates.

        Of the task's loss: equations 5 (switcher), 6 (task network) and 7 (in the warm-up) of arXiv
        2110.05954.
        """
        due = sorted({name for names in self.schedule.updates for name in names})
        optimizers, budget = self.optimizers, self.budget
        pulls: dict[str, Tensor] = {}
        with tf.GradientTape() as tape:
            raw = {} if self.schedule.warms_up else self.raw_factors(training=True)
            factors = self.effective_factors(raw) if raw else self.gated.ones()
            y_pred = self.gated.run(x, factors, training=True)
            batch = x, y, y_pred, sample_weight
            objective = reported_loss(self, self.mean_loss, *batch, training=True)
            if budget is not None:
                with tape.stop_recording():
                    losses = self.over_replicas(compared_losses(self, objective, *batch))
                    replicas = self.distribute_strategy.num_replicas_in_sync
                    pulls = self.budget_gradient.begin(budget, losses, raw, gradient, replicas)
                # Its gradient on the factors is `pulls`, whatever their units.
                pulled = sum(ops.sum(pull * raw[name]) for name, pull in pulls.items())
                objective += ops.cast(pulled, objective.dtype)
            scaled = optimizers.scale_loss(objective, due)
        sources = optimizers.sources(due), raw if pulls else {}
        gradients, of_factors = tape.gradient(scaled, sources)
        if budget is not None and pulls:
            of_task = task_gradient(of_factors, pulls, optimizers.scale_loss(1.0, due))
            may_move = self.budget_gradient.end(budget, self.over_replicas(of_task), raw)
            gradients["switcher"] = held_back(gradients.get("switcher", []), may_move)
        return y_pred, factors, gradients

    def _end_update(
        self,
        names: tuple[str, ...],
        y_pred: Any,
        factors: dict,
        gradients: dict,
        x: Any,
        y: Any,
        sample_weight: Any,
    ) -> None:
        self.optimizers.apply_gradients(names, gradients)
        if names is self.schedule.updates[-1]:
            self.schedule.end_step()
            self.weights_removed.update_state(self.accounting.weights_removed(factors))
            self.compute_metrics(x, y, y_pred, sample_weight)


def gradient(function: Callable, factors: dict) -> tuple:
    """What a function makes of factors, and its gradient on them, by name.

    Args:
        function: Returns a scalar tensor.
        factors: Maps names to tensors.
    """
    with tf.GradientTape() as tape:
        tape.watch(factors)
        value = function(factors)
    return value, tape.gradient(value, factors)
