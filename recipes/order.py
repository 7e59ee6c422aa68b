"""Training batches in an order that is a function of seed and epoch alone."""

import keras
import numpy as np
import tensorflow as tf

from recipes.datasets import Part


class EpochOrder(keras.callbacks.Callback):
    """Shuffles a dataset anew at each epoch's start.

    A run that was interrupted goes on with the order it would have had: no state is left behind
    by the epochs before. Pass `batches` and the callback itself to `fit`.

    Args:
        part: The samples.
        batch_size: Samples per batch; the last batch of an epoch has the rest.
        seed: Seed of the order.

    Attributes:
        batches: A `tf.data.Dataset`.
    """

    def __init__(self, part: Part, batch_size: int, seed: int):
        super().__init__()
        self._seed = seed
        number = len(part.x)
        self._order = tf.Variable(tf.range(number), trainable=False)
        x, y = tf.constant(part.x), tf.constant(part.y)

        def batch(step):
            indices = self._order[step * batch_size : (step + 1) * batch_size]
            return tf.gather(x, indices), tf.gather(y, indices)

        steps = tf.data.Dataset.range(-(-number // batch_size), output_type=tf.int32)
        self.batches = steps.map(batch).prefetch(tf.data.AUTOTUNE)

    def on_epoch_begin(self, epoch, logs=None):
        generator = np.random.default_rng([self._seed, epoch])
        self._order.assign(generator.permutation(self._order.shape[0]).astype("int32"))
