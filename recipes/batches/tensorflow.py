"""Batches by `tf.data`: order and augmentation are variables of its graph."""

import numpy as np
import tensorflow as tf

from recipes.augmentation import Draws, augment
from recipes.datasets import Part


class TensorFlowBatches:
    """Batches of a part in an order, augmented as the draws say; the last one has what is left."""

    def __init__(self, part: Part, batch_size: int, order: np.ndarray, draws: Draws):
        x, y = tf.constant(part.x), tf.constant(part.y)
        self._order = tf.Variable(order, trainable=False)
        self._draws = {n: tf.Variable(drawn, trainable=False) for n, drawn in draws.items()}

        def batch(step):
            here = slice(step * batch_size, (step + 1) * batch_size)
            indices = self._order[here]
            drawn = {name: value[here] for name, value in self._draws.items()}
            return augment(tf.gather(x, indices), drawn), tf.gather(y, indices)

        steps = tf.data.Dataset.range(-(-len(order) // batch_size), output_type=tf.int32)
        self._batches = steps.map(batch).prefetch(tf.data.AUTOTUNE)

    @property
    def data(self) -> tf.data.Dataset:
        """What `fit` takes."""
        return self._batches

    def __len__(self) -> int:
        return int(self._batches.cardinality())

    def shuffle(self, order: np.ndarray, draws: Draws):
        """Gives the batches another order and other draws."""
        self._order.assign(order)
        for name, drawn in draws.items():
            self._draws[name].assign(drawn)
