"""What fit() calls for each batch when several turns share one graph.

This is part of the training step, which is TensorFlow's: graphs and their memory are its alone.
"""

from collections.abc import Callable
from functools import partial

import tensorflow as tf


def graph_of(function: Callable, **options) -> Callable:
    """A function as one TensorFlow graph.

    Args:
        function: It is traced as it is, as Keras does with a training step.
        **options: See `tf.function`.
    """
    # TensorFlow counts tracings per code: the method of several models would be one function to
    # it, whose tracing it calls excessive. A partial has no code, and so is counted alone.
    return tf.function(partial(function), autograph=False, **options)


class SharedSteps:
    """Runs one graph once for each turn of a batch.

    A graph per turn would take TensorFlow much memory in a deep network. So would a loop inside the
    graph: it is copied once more when it is made, and its later turns run in other threads, whose
    heaps grow as large as the first one's.

    Args:
        take_turn: Called in the graph with the turn's number, a scalar tensor, and the batch.
            Returns logs.
        turns: Number of turns.
    """

    def __init__(self, take_turn, turns: int):
        self._take_turn = graph_of(take_turn, reduce_retracing=True)
        self._numbers = [tf.constant(number) for number in range(turns)]
        self._spec, self._traced = None, None

    def __call__(self, iterator):
        """Trains on the next batch of an iterator.

        Returns:
            The logs of the last turn.
        """
        take_turn = self._graph_for(iterator)  # Even where no batch comes: it builds the metrics.
        data = next(iterator)
        for number in self._numbers:
            logs = take_turn(number, data)
        return logs

    def _graph_for(self, iterator):
        """One graph for all batches, the smaller last one included."""
        if not isinstance(iterator, tf.data.Iterator):
            return self._take_turn
        if iterator.element_spec != self._spec:
            spec = iterator.element_spec
            self._traced = self._take_turn.get_concrete_function(self._numbers[0], spec)
            self._spec = spec  # Once that has worked: the next attempt fails in the same words.
        return self._traced
