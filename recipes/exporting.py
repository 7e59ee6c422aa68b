"""What a recipe exports: a SavedModel under TensorFlow, Keras's own file under other backends."""

import shutil
from pathlib import Path

import keras
import numpy as np

import keras_switcher as ks

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

SAVED_MODEL, KERAS_FILE = "saved_model", "compact.keras"


def remove_exported(output: Path):
    """Removes what an earlier run has exported into a folder."""
    (output / KERAS_FILE).unlink(missing_ok=True)
    shutil.rmtree(output / SAVED_MODEL, ignore_errors=True)


def exported(model: ks.SwitcherModel, x: np.ndarray, output: Path) -> tuple[Path, str, np.ndarray]:
    """Exports a compact network into a folder and loads it again.

    Returns where it is, what it was loaded with, and its outputs for some samples.
    """
    if keras.backend.backend() != "tensorflow":
        path = output / KERAS_FILE
        model.compact().save(path)
        loaded = keras.saving.load_model(path, compile=False)
        return path, "Keras", loaded.predict(x, verbose=0)
    path = output / SAVED_MODEL
    model.export(path)
    loaded = tf.saved_model.load(str(path))
    return path, "TensorFlow", loaded.serve(x).numpy()
