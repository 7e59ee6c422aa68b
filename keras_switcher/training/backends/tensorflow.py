"""Training and evaluation under TensorFlow: gradients by a tape, graphs, sums over replicas."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import keras
import tensorflow as tf
from keras import Variable

from keras_switcher.tensors import Tensor
from keras_switcher.training.backends.tensorflow_graphs import SharedSteps, graph_of
from keras_switcher.training.forward_pass import ForwardPass
from keras_switcher.training.trainer import Trainer


class TensorFlowTrainer(Trainer):
    """Differentiates on a tape; a distribution strategy sums the gradients of its replicas."""

    def gradients(
        self, forward: Callable[[dict], ForwardPass], sources: dict[str, list[Variable]]
    ) -> tuple[ForwardPass, dict[str, list], dict[str, Tensor | None]]:
        """A forward and a backward pass, see `Trainer`."""
        with tf.GradientTape() as tape:
            passed = forward({})
        raw = passed.raw if passed.pulls else {}
        return passed, *tape.gradient(passed.objective, (sources, raw))

    @staticmethod
    def gradient(function: Callable, factors: dict[str, Tensor]) -> tuple[Tensor, dict]:
        """The scalar that a function makes of factors, and its gradient on them, by name."""
        with tf.GradientTape() as tape:
            tape.watch(factors)
            value = function(factors)
        return value, tape.gradient(value, factors)

    def compiled_function(self, function: Callable) -> Callable:
        """A function as one TensorFlow graph."""
        return graph_of(function)

    @property
    def replicas(self) -> int:
        """The number of a distribution strategy's replicas, whose gradients are summed."""
        return self.distribute_strategy.num_replicas_in_sync

    def over_replicas(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """Sums over all replicas of a distribution strategy."""
        if self.replicas == 1:
            return values
        return tf.distribute.get_replica_context().all_reduce("SUM", values)

    def device_scope(self) -> AbstractContextManager:
        """The strategy's scope, in which variables are made where the model's are."""
        return self.distribute_strategy.scope()

    def new_train_function(self) -> Callable:
        """The function behind fit(), by which all updates of a batch share one graph."""
        if self._shares_graph():
            return SharedSteps(self._take_step, len(self.schedule.updates))
        return super().new_train_function()

    def _shares_graph(self) -> bool:
        """Whether fit() runs one graph for all updates of a batch, see `SharedSteps`.

        XLA gets both updates at once: it leaves out of each what it does not need.
        """
        with self.device_scope():
            distributed = tf.distribute.has_strategy()
        apart = self.run_eagerly or self.jit_compile or distributed or self.steps_per_execution > 1
        own_step = type(self).train_step is not Trainer.train_step
        return len(self.schedule.updates) > 1 and not apart and not own_step

    def _take_step(self, number: tf.Tensor, data: Any) -> dict:
        """One of the updates of a batch."""
        batch = keras.utils.unpack_x_y_sample_weight(data)
        passed = self.backward(*batch)
        ends = [partial(self.end_update, names, *passed, *batch) for names in self.schedule.updates]
        tf.switch_case(number, ends)
        return self.get_metrics_result()
