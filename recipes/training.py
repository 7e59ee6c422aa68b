"""Training as every recipe does it: SGD with a cosine, checkpoints, few lines of output."""

import keras

from keras_switcher import SwitcherModel
from recipes.checkpoints import Checkpoint
from recipes.datasets import Part
from recipes.order import EpochOrder
from recipes.settings import Settings


def train(model: keras.Model, part: Part, settings: Settings, checkpoint: Checkpoint):
    """Trains a task network, or a `SwitcherModel`, in the same way.

    Args:
        model: The network; it ends in logits.
        part: The samples.
        settings: The `Settings`.
        checkpoint: Saves after each epoch; what it finds is gone on from.
    """
    order = EpochOrder(part, settings.batch_size, settings.seed)
    updates = settings.epochs * int(order.batches.cardinality())

    def optimizer(rate, decay=None):
        cosine = keras.optimizers.schedules.CosineDecay(rate, updates)
        return keras.optimizers.SGD(cosine, settings.momentum, weight_decay=decay or None)

    optimizers = {"optimizer": optimizer(settings.learning_rate, settings.weight_decay)}
    if isinstance(model, SwitcherModel):
        optimizers["switcher_optimizer"] = optimizer(settings.switcher_learning_rate)
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        **optimizers,
    )
    callbacks = [order, checkpoint, _Lines(settings.epochs)]
    if checkpoint.history:
        callbacks.insert(0, checkpoint.history)  # First: the checkpoint saves what it records.
    model.fit(order.batches, epochs=settings.epochs, shuffle=False, verbose=0, callbacks=callbacks)


class _Lines(keras.callbacks.Callback):
    """Prints about ten lines, however many epochs there are."""

    def __init__(self, epochs):
        super().__init__()
        self._epochs = epochs
        self._every = max(1, epochs // 10)

    def on_epoch_end(self, epoch, logs=None):
        done = epoch + 1
        if done % self._every and done != self._epochs:
            return
        line = f"  epoch {done:>3}: loss {logs['loss']:.4f}, accuracy {logs['accuracy']:.2%}"
        if "weights_removed" in logs:
            line += f", weights removed {logs['weights_removed']:.1%}"
        print(line, flush=True)
