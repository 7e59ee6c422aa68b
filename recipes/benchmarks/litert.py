"""Networks as LiteRT files, and their interpreter."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf


def litert_file(model: keras.Model, shape: Sequence[int | None]) -> bytes:
    """The content of the LiteRT file of a network for inputs of a shape."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        signature = [keras.InputSpec(shape=shape, dtype="float32")]
        model.export(path, format="litert", input_signature=signature, verbose=False)
        return path.read_bytes()


def interpreter(file: bytes, x: np.ndarray, threads: int) -> Callable[[], None]:
    """Runs a file's network on these inputs."""
    made = tf.lite.Interpreter(model_content=file, num_threads=threads)
    place = made.get_input_details()[0]["index"]
    made.resize_tensor_input(place, x.shape)
    made.allocate_tensors()
    made.set_tensor(place, x)
    return made.invoke
