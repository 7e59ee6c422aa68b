"""Three steps from the same weights, under any backend, and what TensorFlow made of them.

python tests/helpers/three_steps.py     writes them anew, with Keras on TensorFlow
"""

import sys
from contextlib import nullcontext
from pathlib import Path

import keras
import numpy as np
from keras import layers, regularizers

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from helpers.toys import crossentropy, float64, mlp, values
from keras_switcher import Budget, SwitcherModel

FILE = Path(__file__).parents[1] / "files" / "three_steps.npz"
ALTERNATIONS = ("batch", "joint", "task", "switcher")
SHAPES = {"mlp": (4,), "residual": (8, 8, 3)}
SAMPLES, CLASSES = 24, 3


def residual() -> keras.Model:
    """Two convolutions around a sum, normalised; kernels, outputs and a scale are regularized."""
    image = keras.Input((8, 8, 3))
    l2 = regularizers.L2(1e-3)
    x = layers.Conv2D(6, 3, padding="same", use_bias=False, kernel_regularizer=l2)(image)
    x = layers.ReLU()(layers.BatchNormalization(gamma_regularizer=l2)(x))
    y = layers.Conv2D(6, 3, padding="same", activity_regularizer=regularizers.L2(1e-4))(x)
    x = layers.GlobalAveragePooling2D()(layers.Add()([x, y]))
    return keras.Model(image, layers.Dense(CLASSES)(x))


NETWORKS = {"mlp": mlp, "residual": residual}


def three_steps(network: str, alternation: str, dtype: str = "float32") -> dict[str, np.ndarray]:
    """All variables after three steps under a budget that falls at once, and all steps' logs."""
    with float64() if dtype == "float64" else nullcontext():
        model = SwitcherModel(
            NETWORKS[network](), budget=Budget(0.5, end_epoch=1e-3), alternation=alternation
        )
        random = np.random.default_rng(0)
        for variable in model.trainable_variables:
            start = random.normal(size=variable.shape) / np.sqrt(np.prod(variable.shape[:-1]))
            variable.assign(start if len(variable.shape) > 1 else 1 + 0.2 * start)
        model.budget_progress.was_trained.assign(1.0)  # The budget does not wait.
        sgd = keras.optimizers.SGD
        optimizer, of_switcher = sgd(0.02, 0.9, weight_decay=3e-3), sgd(0.02, 0.9, clipnorm=1.0)
        model.compile(optimizer, crossentropy(), switcher_optimizer=of_switcher)
        x = random.normal(size=(3, SAMPLES, *SHAPES[network])).astype(dtype)
        y = random.integers(0, CLASSES, (3, SAMPLES))
        logs = []
        for step in range(3):
            logs += model.train_on_batch(x[step], y[step], return_dict=True).values()
        variables = np.concatenate([np.ravel(value) for value in values(model)])
        return {"variables": variables, "logs": logs, "outputs": model.predict(x[0], verbose=0)}


def cases() -> list[tuple[str, str]]:
    """All networks and alternations."""
    return [(network, alternation) for network in NETWORKS for alternation in ALTERNATIONS]


def named(*case: str) -> str:
    """The name of a case in the file."""
    return "-".join(case)


if __name__ == "__main__":
    assert keras.backend.backend() == "tensorflow"
    found = {}
    for case in cases():
        for name, value in three_steps(*case, "float64").items():
            found[named(*case, name)] = value
    np.savez_compressed(FILE, **found)
