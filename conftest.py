"""Of the trainers of all backends, the one that Keras runs on is collected: it alone imports."""

import keras

collect_ignore_glob = [
    f"keras_switcher/training/backends/{backend}*.py"
    for backend in ("tensorflow", "jax", "torch")
    if backend != keras.backend.backend()
] + ([] if keras.backend.backend() == "torch" else ["tests/helpers/torch_arrays.py"])
