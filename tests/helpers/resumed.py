"""Small trainings with a ResumeTraining, for the tests of what it restores and refuses."""

import keras

from helpers.toys import crossentropy, data, mlp, switched, values
from keras_switcher import ResumeTraining

FILE = "checkpoint.npz"


class Killed(BaseException):
    """What no callback catches."""


class Kill(keras.callbacks.Callback):
    """Ends a training in the middle of its fourth epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self._epoch == 3:
            raise Killed


def all_values(model):
    optimizers = [model.optimizer, getattr(model, "switcher_optimizer", model.optimizer)]
    return values([*model.variables, *(v for each in optimizers for v in each.variables)])


def plain(optimizer=None, task=None, loss=None):
    """A compiled Keras model with a Dropout and two random layers inside a nested one."""
    inner = keras.Sequential([keras.layers.GaussianNoise(0.1), keras.layers.Dropout(0.3)])
    task = task or keras.Sequential([keras.Input((4,)), mlp(), inner, keras.layers.Dense(3)])
    optimizer = optimizer or keras.optimizers.Adam(0.01)
    task.compile(optimizer, loss or crossentropy(), run_eagerly=True)
    return task


def switching(*args, **kwargs):
    """A compiled SwitcherModel."""
    return switched(*args, compiled={"run_eagerly": True}, **kwargs)


def fit(model, folder, epochs=4, callbacks=(), resume=None, **kwargs):
    x, y = data(8)
    resume = resume or ResumeTraining(folder)
    kwargs = {"validation_data": (x, y), "shuffle": False, "verbose": 0, **kwargs}
    return model.fit(x, y, 4, epochs=epochs, callbacks=[*callbacks, resume], **kwargs)


def started(make, *args, **kwargs):
    keras.utils.set_random_seed(3)
    return make(*args, **kwargs)
