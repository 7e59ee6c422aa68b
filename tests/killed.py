"""A training run that can be killed: `python killed.py CASE FOLDER` dies in its fourth epoch."""

import os
import sys

import keras
from toys import data, mlp, switched

from keras_switcher import Budget

CASES = {
    "batch": {"alternation": "batch"},
    "epoch": {"alternation": "epoch", "warmup_epochs": 1},
    "budget": {"alternation": "joint", "budget": Budget(0.3, start_epoch=1, end_epoch=5)},
}


class Kill(keras.callbacks.Callback):
    """Ends the process without any farewell."""

    def on_train_batch_end(self, batch, logs=None):
        if self.model.epochs_seen == 3 and batch == 4:
            os._exit(9)


def train(case, folder=None, callbacks=()):
    """Six epochs with slots and schedules, backed up in `folder`; returns the model."""
    keras.utils.set_random_seed(5)
    optimizers = {
        name: keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.03, 60))
        for name in ("optimizer", "switcher_optimizer")
    }
    model = switched(mlp(), compiled=optimizers, **CASES[case])
    if folder:
        callbacks = [keras.callbacks.BackupAndRestore(folder), *callbacks]
    x, y = data()
    model.fit(x, y, 4, epochs=6, shuffle=False, verbose=0, callbacks=list(callbacks))
    return model


if __name__ == "__main__":
    train(sys.argv[1], sys.argv[2], [Kill()])
