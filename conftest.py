"""What is collected in the package itself: its examples, on the backend that Keras runs on."""

import keras
import pytest

BACKEND = keras.backend.backend()
# Of the trainers of all backends, the one that Keras runs on is collected: it alone imports.
collect_ignore_glob = [
    f"keras_switcher/training/backends/{backend}*.py"
    for backend in ("tensorflow", "jax", "torch")
    if backend != BACKEND
] + ([] if BACKEND == "torch" else ["tests/helpers/torch_arrays.py"])
EXAMPLES = {
    "SwitcherModel.structure": "It shows factors that TensorFlow drew.",
    "StructureHistory": "It shows factors that TensorFlow drew.",
    "SwitcherModel.export": "TensorFlow writes SavedModel.",
    "export_model": "TensorFlow writes SavedModel.",
    "captured_handles": "It is about TensorFlow's functions.",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips the examples that show TensorFlow's numbers or files, under other backends."""
    for item in items:
        for name, reason in EXAMPLES.items():
            if isinstance(item, pytest.DoctestItem) and item.name.endswith(f".{name}"):
                item.add_marker(pytest.mark.skipif(BACKEND != "tensorflow", reason=reason))
