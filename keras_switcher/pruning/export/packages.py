"""The packages that write and run each format, and the extras that bring them."""

import importlib
import warnings
from types import ModuleType
from typing import Any

import keras

# What runs a file of each format, the first that is installed.
RUNTIMES = {
    "tf_saved_model": ("tensorflow",),
    "litert": ("ai_edge_litert.interpreter", "tensorflow"),
    "onnx": ("onnxruntime",),
    "openvino": ("openvino",),
}
_EXTRAS = {format: f"keras-switcher[{format}]" for format in ("litert", "onnx", "openvino")}
_INSTALL = {"tf_saved_model": "tensorflow", **_EXTRAS}
# What writes a format where it is no extra of the same name, by Keras's backend.
WRITERS = {
    ("onnx", "jax"): "jax2onnx",
    ("onnx", "torch"): "keras-switcher[torch]",
    ("litert", "torch"): "litert-torch",
}


def runtime_package(format: str) -> ModuleType:
    """The package that runs files of a format.

    Args:
        format: One of the keys of `RUNTIMES`.

    Raises:
        ImportError: If none is installed: it says what to install.
    """
    for name in RUNTIMES[format]:
        try:
            return importlib.import_module(name)
        except ImportError as error:
            problem = error
    raise ImportError(
        f"A file of the format '{format}' is run by the package "
        f"{RUNTIMES[format][0].split('.')[0]}: {problem}. Install it with: pip install "
        f"'{_INSTALL[format]}'. verify=False writes the file without running it."
    )


def litert_interpreter(path: str, threads: int | None = None) -> Any:
    """A LiteRT file in LiteRT's own interpreter, or TensorFlow's where that is not installed.

    Args:
        path: The file.
        threads: The number of its threads; by default what the interpreter chooses.
    """
    package = runtime_package("litert")
    with warnings.catch_warnings():  # TensorFlow says that its own will move.
        warnings.simplefilter("ignore")
        return getattr(package, "lite", package).Interpreter(model_path=path, num_threads=threads)


def missing_writer(format: str, error: ImportError) -> ImportError:
    """The error of a format that cannot be written here: it says what to install.

    Args:
        format: The format.
        error: The error of the import that failed.
    """
    package = WRITERS.get((format, keras.backend.backend()), _EXTRAS.get(format))
    install = f" Install it with: pip install '{package}'." if package else ""
    return ImportError(f"Export as '{format}' needs another package: {error}.{install}")
