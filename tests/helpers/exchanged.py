"""A trained model in a file that one backend wrote and the others read.

KERAS_BACKEND=jax python tests/helpers/exchanged.py     writes that of JAX anew
"""

import sys
from pathlib import Path

import keras
import numpy as np

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from helpers.toys import convnet, data, fit, started, values
from keras_switcher import Budget

FILES = Path(__file__).parents[1] / "files"
BACKENDS = ("tensorflow", "jax", "torch")


def samples() -> tuple[np.ndarray, np.ndarray]:
    """What the model was trained on."""
    return data(16, (8, 8, 1))


if __name__ == "__main__":
    optimizers = {n: keras.optimizers.Adam(0.01) for n in ("optimizer", "switcher_optimizer")}
    budget = Budget(0.6, end_epoch=2)
    model = started(convnet, alternation="joint", compiled=optimizers, budget=budget)
    fit(model, *samples(), epochs=3)
    file = FILES / f"{keras.backend.backend()}.keras"
    model.save(file)
    outputs = model.predict(samples()[0], verbose=0)
    np.savez_compressed(file.with_suffix(".npz"), *values(model), outputs=outputs)
