"""Batches that are shuffled by seed and epoch alone, so that a resumed run sees the same ones."""

import keras
import numpy as np
import tensorflow as tf

from recipes.datasets import Part


class EpochShuffle(keras.callbacks.Callback):
    """Shuffles a dataset anew at each epoch's start; pass it and its `batches` to `fit`.

    Args:
        part: The samples.
        batch_size: Samples per batch; the last batch of an epoch has the rest.
        seed: Seed of the order.

    Attributes:
        batches: A `tf.data.Dataset`, which every backend's `fit` takes.
    """

    def __init__(self, part: Part, batch_size: int, seed: int):
        super().__init__()
        number, x, y = len(part.x), tf.constant(part.x), tf.constant(part.y)
        self._seed, self._order = seed, tf.Variable(tf.range(number), trainable=False)

        def batch(step):
            indices = self._order[step * batch_size : (step + 1) * batch_size]
            return tf.gather(x, indices), tf.gather(y, indices)

        steps = tf.data.Dataset.range(-(-number // batch_size), output_type=tf.int32)
        self.batches = steps.map(batch).prefetch(tf.data.AUTOTUNE)

    def on_epoch_begin(self, epoch, logs=None):
        generator = np.random.default_rng([self._seed, epoch])
        self._order.assign(generator.permutation(self._order.shape[0]).astype("int32"))
