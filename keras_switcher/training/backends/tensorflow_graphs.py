"""TensorFlow graphs: a function as one graph, and one graph for all updates of a batch."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import tensorflow as tf


def graph_of(function: Callable, **options: Any) -> tf.types.experimental.PolymorphicFunction:
    """A function as one TensorFlow graph.

    Args:
        function: It is traced as it is, as Keras does with a training step.
        **options: See `tf.function`.
    """
    # TensorFlow counts tracings per code: the method of several models would be one function to
    # it, whose tracing it calls excessive. A partial has no code, and so is counted alone.
    return tf.function(partial(function), autograph=False, **options)


class SharedSteps:
    """Runs one graph once for each update of a batch.

    A graph per update would take TensorFlow much memory in a deep network. So would a loop inside
    the graph: it is copied once more when it is made, and its later rounds run in other threads,
    whose heaps grow as large as the first one's.

    Args:
        take_step: Called in the graph with the update's number, a scalar tensor, and the batch.
            Returns logs.
        steps: Number of updates.
    """

    def __init__(self, take_step: Callable, steps: int) -> None:
        self._take_step = graph_of(take_step, reduce_retracing=True)
        self._numbers = [tf.constant(number) for number in range(steps)]
        self._spec: Any = None
        self._traced: Any = None

    def __call__(self, iterator: Iterator) -> dict:
        """Trains on the next batch of an iterator.

        Returns:
            The logs of the last update.
        """
        take_step = self._graph_for(iterator)  # Even where no batch comes: it builds the metrics.
        data = next(iterator)
        for number in self._numbers:
            logs = take_step(number, data)
        return logs

    def _graph_for(self, iterator: Iterator) -> Callable:
        """One graph for all batches, the smaller last one included."""
        if not isinstance(iterator, tf.data.Iterator):
            return self._take_step
        if iterator.element_spec != self._spec:
            spec = iterator.element_spec
            self._traced = self._take_step.get_concrete_function(self._numbers[0], spec)
            self._spec = spec  # Once that has worked: the next attempt fails in the same words.
        return self._traced
