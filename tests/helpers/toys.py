"""Tiny networks, data and runs that the tests of training share."""

import contextlib

import keras
import numpy as np
from keras import layers, ops

from keras_switcher import SwitcherModel


def mlp(units=8, classes=3, **hidden):
    """4-8-3, with arguments for its hidden layer."""
    return keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(units, "relu", name="hidden", **hidden),
            layers.Dense(classes, name="head"),
        ]
    )


def convnet():
    """8x8x1, two convolutions with normalisation and pooling, two dense layers."""
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, padding="same", name="first"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(),
            layers.MaxPooling2D(2),
            layers.Conv2D(6, 3, name="second", activation="relu"),
            layers.Flatten(),
            layers.Dense(8, "relu", name="hidden"),
            layers.Dense(3, name="head"),
        ]
    )


def data(samples=32, shape=(4,), seed=0):
    """Three noisy classes that a small network can tell apart."""
    random = np.random.default_rng(seed)
    y = np.arange(samples, dtype="int32") % 3
    x = random.normal(size=(3, *shape))[y] + 0.5 * random.normal(size=(samples, *shape))
    return x.astype(keras.config.floatx()), y


def crossentropy():
    """The loss of all toys."""
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def switched(task=None, switcher="row", rate=0.1, compiled=None, **kwargs):
    """A compiled SwitcherModel with plain SGD for both networks, unless `compiled` says else."""
    model = SwitcherModel(mlp() if task is None else task, switcher, **kwargs)
    arguments = {
        "optimizer": keras.optimizers.SGD(rate),
        "switcher_optimizer": keras.optimizers.SGD(rate),
        "loss": crossentropy(),
    }
    model.compile(**{**arguments, **(compiled or {})})
    return model


def started(make_task=mlp, switcher="row", **kwargs):
    """As `switched`, with the same weights every time."""
    keras.utils.set_random_seed(1)
    return switched(make_task(), switcher, **kwargs)


def stepped(model, x=None, y=None, **kwargs):
    """As `fit`, but in two larger steps per epoch and eagerly: to trace a graph takes longer."""
    model.run_eagerly = True
    return fit(model, x, y, **{"batch_size": 16, **kwargs})


def fit(model, x=None, y=None, **kwargs):
    """Trains in a fixed order, silently, by default for an epoch of eight batches of four."""
    if x is None:
        x, y = data()
    kwargs = {"batch_size": 4, "shuffle": False, "verbose": 0, **kwargs}
    return model.fit(x, y, **kwargs).history


def values(variables):
    """Arrays of variables, or of all that a model knows, its optimizers included."""
    if isinstance(variables, SwitcherModel):
        model = variables
        variables = [*model.weights, *model.optimizer.variables]
        variables += model.switcher_optimizer.variables
    return [np.array(ops.convert_to_numpy(variable)) for variable in variables]


def same(first, second):
    """Whether two lists of variables or arrays are equal to the last bit."""
    pairs = zip(values(first), values(second), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def furthest(first, second):
    """The largest absolute difference between two lists of variables or arrays."""
    pairs = zip(values(first), values(second), strict=True)
    return max(float(np.max(np.abs(a - b), initial=0)) for a, b in pairs)


def randomize(variables, spread=0.5, seed=0):
    """Gives variables random values, so that no term is zero by initialisation."""
    random = np.random.default_rng(seed)
    for variable in variables:
        variable.assign(spread * random.normal(size=variable.shape))


def examples(count):
    """Numbers of drawn examples: few under JAX, which compiles anew for each one."""
    return max(2, count // 6) if keras.backend.backend() == "jax" else count


def in_double():
    """Within it JAX has float64, which it otherwise leaves out; other backends always have it."""
    if keras.backend.backend() != "jax":
        return contextlib.nullcontext()
    import jax

    return jax.enable_x64(True)


def float64_error(error):
    """What may be lost in float64. Under PyTorch Keras multiplies and takes means in float32.

    There the type of a result is float32 where it would be float64 (`keras.backend.result_type`):
    each is rounded by up to 6e-8 of its size, and the tests that use this lose up to 6.3e-8.
    """
    return max(error, 1e-7) if keras.backend.backend() == "torch" else error


@contextlib.contextmanager
def float64():
    """Everything made within computes in float64."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        with in_double():
            yield
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")
