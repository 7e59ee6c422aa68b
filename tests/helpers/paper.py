"""The one network whose gradients the paper writes down: equations 5 to 7, in NumPy.

One scalar input x, K classes, no bias; a linear switcher s = sum_k w_k^S w_k^T; the outputs are
h = softmax(w^T x s). Training it by these formulas is the truth that `fit` is compared with.
"""

import keras
import numpy as np
from keras import layers, ops

from helpers.toys import crossentropy, values
from keras_switcher import SwitcherModel
from keras_switcher.switchers import Switcher

TASK = np.array([0.6, -0.3, 0.8, 0.2])
SWITCHER = np.array([0.5, -0.4, 0.7, 0.3])  # s = 1.04: positive, so a ReLU would change nothing.
X = np.array([1.0, 0.7, -0.4, 1.3])
Y = np.array([1, 0, 3, 2])


@keras.saving.register_keras_serializable(package="tests")
class LinearSwitcher(Switcher):
    """s = sum_k w_k^S w_k^T for each row of the first consumer's kernel."""

    def build(self, records):
        self.w = self.add_weight(shape=SWITCHER.shape, initializer="zeros", name="w")

    def call(self, records):
        return [ops.matmul(record.consumers[0].rows(), self.w) for record in records]


def paper_model(rate=1.0, compiled=None, **kwargs):
    """The network as a compiled SwitcherModel, both networks under SGD."""
    classes = layers.Dense(len(TASK), use_bias=False, name="classes")
    task = keras.Sequential([keras.Input((1,)), classes])
    model = SwitcherModel(task, LinearSwitcher(), **kwargs)
    task.set_weights([TASK[None]])
    model.switcher.set_weights([SWITCHER])
    optimizers = keras.optimizers.SGD(rate), keras.optimizers.SGD(rate)
    model.compile(optimizers[0], crossentropy(), switcher_optimizer=optimizers[1], **compiled or {})
    return model


def weights(model):
    """The task network's and the switcher's weights of a `paper_model`."""
    task, switcher = values([model.task.weights[0], model.switcher.weights[0]])
    return task[0], switcher


def gradients(task, switcher, x, y, warm=False, through=True):
    """Equations 6 (7 while the task network warms up) and 5, for one sample."""
    s = 1.0 if warm else switcher @ task
    assert s > 0, "the closed form holds without a ReLU"
    h = np.exp(task * x * s) / np.exp(task * x * s).sum()
    error = h - np.eye(len(task))[y]
    shared = np.sum(error * x * task)
    second_term = 0 if warm or not through else switcher * shared
    return error * x * s + second_term, task * shared


def simulate(alternation, epochs, warmup=0, rate=1.0, start=(TASK, SWITCHER), first_epoch=0):
    """Algorithm 1, one sample per batch: the weights at the end, and how often each was updated."""
    task, switcher = (w.copy() for w in start)
    counts = {"t": 0, "s": 0}
    for epoch in range(first_epoch, first_epoch + epochs):
        warm = epoch < warmup
        turns = {
            "batch": ["s", "t"],
            "joint": ["st"],
            "epoch": ["s" if (epoch - warmup) % 2 == 0 else "t"],
            "task": ["t"],
            "switcher": ["s"],
        }[alternation]
        for x, y in zip(X, Y, strict=True):
            for turn in ["t"] if warm else turns:
                of_task, of_switcher = gradients(task, switcher, x, y, warm)
                task = task - rate * of_task * ("t" in turn)
                switcher = switcher - rate * of_switcher * ("s" in turn)
                for name in turn:
                    counts[name] += 1
    return task, switcher, counts["t"], counts["s"]
