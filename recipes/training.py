"""Training as every recipe does it: SGD with a schedule, resumable, few lines of output."""

import math
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np
from keras.optimizers import schedules

from keras_switcher import ResumeTraining, StructureHistory, SwitcherModel
from keras_switcher.training.schedule import updates_in_epoch
from recipes.alternation import WHILE_LOSS_FALLS, WhileLossFalls
from recipes.augmentation import draw
from recipes.batches import Batches
from recipes.datasets import Part
from recipes.settings import Settings


def train(
    model: keras.Model,
    part: Part,
    settings: Settings,
    folder: Path,
    history: StructureHistory | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    steps_per_execution: int = 1,
    span: range | None = None,
    is_compiled: bool = False,
) -> float:
    """Trains a task network or a `SwitcherModel` that ends in logits; returns all epochs' seconds.

    It goes on from what each finished epoch leaves in the folder; more callbacks come before that
    is saved. `steps_per_execution` steps run between two returns to Python: faster, with the same
    result; always one under PyTorch, as Keras has it. `span` is which epochs of the training these
    are, where it is done in parts; a model that `is_compiled` goes on with the optimizer it has.
    """
    span = span or range(settings.epochs)
    shuffle = EpochShuffle(part, settings.batch_size, settings.seed, settings.augmentation)
    batches, is_switched = len(shuffle.batches), isinstance(model, SwitcherModel)
    if not is_compiled:
        per_execution = 1 if keras.backend.backend() == "torch" else steps_per_execution
        _compile(model, settings, batches, per_execution)
    resume = ResumeTraining(folder, history)
    # The structure comes first and the checkpoint last: it saves what the others record.
    recorded = [history] if history else []
    callbacks = [*recorded, *callbacks, shuffle, _Progress(span, settings.epochs), resume]
    if is_switched and settings.alternation == WHILE_LOSS_FALLS:
        callbacks.append(WhileLossFalls(resume))
    if span.start:  # The schedule goes by how many updates there were.
        model.optimizer.iterations.assign(span.start * batches)
    epochs = {"initial_epoch": span.start, "epochs": span.stop}
    model.fit(shuffle.batches.data, **epochs, shuffle=False, verbose=0, callbacks=callbacks)
    return sum(of_epoch["seconds"] for of_epoch in resume.logs.values())


def _compile(model, settings, batches, steps_per_execution):
    def optimizer(of, rate, decay, clipnorm=None):
        steps = batches * _epochs_of_updates(of, model, settings)
        schedule = _schedule(settings.schedule, rate, steps)
        more = {"weight_decay": decay or None, "global_clipnorm": clipnorm}
        if of == "switcher" and settings.switcher_optimizer == "adam":
            return keras.optimizers.Adam(schedule, **more)
        more["nesterov"] = settings.nesterov and of == "task"
        return keras.optimizers.SGD(schedule, settings.momentum, **more)

    optimizers = {"optimizer": optimizer("task", settings.learning_rate, settings.weight_decay)}
    if isinstance(model, SwitcherModel):
        rate, decay = settings.switcher_learning_rate, settings.switcher_weight_decay
        of_switcher = optimizer("switcher", rate, decay, settings.switcher_clipnorm)
        optimizers["switcher_optimizer"] = of_switcher
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=steps_per_execution,
        jit_compile="auto" if _suits_xla(model) else False,
        **optimizers,
    )


def _suits_xla(model):
    """XLA speeds small dense layers up; on a CPU it slows convolutions down, LeNet5 by four.

    That is TensorFlow's choice: JAX has nothing else, and PyTorch compiles in another way.
    """
    if keras.backend.backend() != "tensorflow":
        return keras.backend.backend() == "jax"
    on_gpu = bool(keras.distribution.list_devices("gpu"))
    return on_gpu or all(len(weight.shape) <= 2 for weight in model.weights)


def _epochs_of_updates(of, model, settings):
    """In how many epochs a network is updated: its schedule is spread over these; at least 1.

    Half of them where nobody knows before.
    """
    if not isinstance(model, SwitcherModel):
        return settings.epochs
    if settings.alternation == WHILE_LOSS_FALLS:
        return max(1, settings.epochs // 2)
    when, epochs = (model.alternation, model.warmup_epochs), range(settings.epochs)
    updates = (updates_in_epoch(epoch, *when) for epoch in epochs)
    return max(1, sum(any(of in names for names in update) for update in updates))


def _schedule(name, rate, steps):
    if name == "steps":
        ends = [steps // 2, 3 * steps // 4]
        return schedules.PiecewiseConstantDecay(ends, [rate, rate / 10, rate / 100])
    if name == "two cosines":
        return schedules.CosineDecayRestarts(rate, math.ceil(steps / 2), t_mul=1.0)
    if name == "one cycle":
        return OneCycle(rate, steps)
    return schedules.CosineDecay(rate, steps)


@keras.saving.register_keras_serializable("keras_switcher_recipes")
class OneCycle(schedules.LearningRateSchedule):
    """Up to the largest rate in a quarter of the steps, then down to almost nothing, in lines.

    Smith and Topin 2017, arXiv 1708.07120.
    """

    def __init__(self, peak: float, steps: int, rise: float = 0.25, end: float = 0.002):
        self.peak, self.steps, self.rise, self.end = peak, steps, rise, end

    def __call__(self, step):
        done = keras.ops.cast(step, "float32") / self.steps
        up, down = done / self.rise, (1 - done) / (1 - self.rise)
        return self.peak * keras.ops.clip(keras.ops.minimum(up, down), self.end, 1.0)

    def get_config(self):
        names = ("peak", "steps", "rise", "end")
        return {name: getattr(self, name) for name in names}


class EpochShuffle(keras.callbacks.Callback):
    """Shuffles `batches`, see `recipes.batches`, anew at each epoch's start.

    Order and augmentation depend on seed and epoch alone, so that a resumed run sees the same, and
    so does one under another backend. The last batch of an epoch has what is left.
    """

    def __init__(self, part: Part, batch_size: int, seed: int, augmentation: str = "none"):
        super().__init__()
        self._seed, number, size = seed, len(part.x), part.x.shape[1]
        self._number, self._draw = number, partial(draw, augmentation, number, size)
        draws = self._draw(np.random.default_rng(seed))
        self.batches = Batches(part, batch_size, np.arange(number, dtype="int32"), draws)

    def on_epoch_begin(self, epoch, logs=None):
        generator = np.random.default_rng([self._seed, epoch])
        order = generator.permutation(self._number).astype("int32")
        self.batches.shuffle(order, self._draw(generator))


class _Progress(keras.callbacks.Callback):
    """Notes how long each epoch took, and prints about ten lines, however many epochs there are."""

    def __init__(self, span, epochs):
        super().__init__()
        self._first, self._last, self._every = span.start, epochs, max(1, epochs // 10)

    def on_epoch_begin(self, epoch, logs=None):
        if self._first not in (None, epoch):
            print(f"  goes on after epoch {epoch}", flush=True)
        self._first, self._begun = None, time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        logs["seconds"] = time.perf_counter() - self._begun
        done = epoch + 1
        if done % self._every == 0 or done == self._last:
            line = f"  epoch {done:>3}: loss {logs['loss']:.4f}, accuracy {logs['accuracy']:.2%}"
            if "weights_removed" in logs:
                line += f", weights removed {logs['weights_removed']:.1%}"
            print(line, flush=True)
