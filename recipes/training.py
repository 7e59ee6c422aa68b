"""Training as every recipe does it: SGD with a schedule, checkpoints, few lines of output."""

import math
from collections.abc import Sequence

import keras
import tensorflow as tf
from keras.optimizers import schedules

from keras_switcher import SwitcherModel
from keras_switcher.training.schedule import updates_in_epoch
from recipes.checkpoints import Checkpoint
from recipes.datasets import Part
from recipes.order import EpochOrder
from recipes.settings import Settings
from recipes.turns import WHILE_LOSS_FALLS, WhileLossFalls


def train(
    model: keras.Model,
    part: Part,
    settings: Settings,
    checkpoint: Checkpoint,
    steps_per_execution: int = 1,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    span: range | None = None,
):
    """Trains a task network, or a `SwitcherModel`, in the same way.

    Args:
        model: The network; it ends in logits.
        part: The samples.
        settings: The `Settings`.
        checkpoint: Saves after each epoch; what it finds is gone on from.
        steps_per_execution: Batches between two returns to Python: faster, with the same result.
        callbacks: More callbacks; they come before the checkpoint.
        span: Which epochs of the training that the settings describe this is, for a task network
            that is trained in parts; all of them by default.
    """
    span = span or range(settings.epochs)
    order = EpochOrder(part, settings.batch_size, settings.seed)
    batches = int(order.batches.cardinality())

    def optimizer(optimizer_of, rate, decay, clipnorm=None):
        steps = batches * _turns(optimizer_of, model, settings.epochs, settings.alternation)
        schedule = _schedule(settings.schedule, rate, steps)
        return keras.optimizers.SGD(
            schedule,
            settings.momentum,
            weight_decay=decay or None,
            global_clipnorm=clipnorm,
        )

    optimizers = {"optimizer": optimizer("task", settings.learning_rate, settings.weight_decay)}
    if isinstance(model, SwitcherModel):
        optimizers["switcher_optimizer"] = optimizer(
            "switcher",
            settings.switcher_learning_rate,
            settings.switcher_weight_decay,
            settings.switcher_clipnorm,
        )
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=steps_per_execution,
        jit_compile="auto" if _suits_xla(model) else False,
        **optimizers,
    )
    if isinstance(model, SwitcherModel) and settings.alternation == WHILE_LOSS_FALLS:
        turns = WhileLossFalls(checkpoint.folder / "turns.json", checkpoint.epochs_done)
        callbacks = [*callbacks, turns]
    callbacks = [*callbacks, order, checkpoint, _Lines(settings.epochs)]
    if checkpoint.history:
        callbacks.insert(0, checkpoint.history)  # First: the checkpoint saves what it records.
    if span.start:  # The schedule goes by how many updates there were.
        model.optimizer.iterations.assign(span.start * batches)
    model.fit(
        order.batches,
        initial_epoch=span.start,
        epochs=span.stop,
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
    )


def _suits_xla(model):
    """XLA speeds small dense layers up; on a CPU it slows convolutions down, LeNet5 by four."""
    on_gpu = bool(tf.config.list_physical_devices("GPU"))
    return on_gpu or all(len(weight.shape) <= 2 for weight in model.weights)


def _turns(optimizer_of, model, epochs, alternation):
    """In how many epochs a network is updated: its schedule is spread over these; at least 1.

    Half of them where nobody knows before.
    """
    if not isinstance(model, SwitcherModel):
        return epochs
    if alternation == WHILE_LOSS_FALLS:
        return max(1, epochs // 2)
    updates = (
        updates_in_epoch(epoch, model.alternation, model.warmup_epochs) for epoch in range(epochs)
    )
    return max(1, sum(any(optimizer_of in names for names in update) for update in updates))


def _schedule(name, rate, steps):
    if name == "steps":
        ends = [steps // 2, 3 * steps // 4]
        return schedules.PiecewiseConstantDecay(ends, [rate, rate / 10, rate / 100])
    if name == "two cosines":
        return schedules.CosineDecayRestarts(rate, math.ceil(steps / 2), t_mul=1.0)
    return schedules.CosineDecay(rate, steps)


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
