"""ExportedModel: a file that was exported, run on arrays by the runtime of its format."""

from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
from keras import tree

from keras_switcher.arguments import is_whole
from keras_switcher.pruning.export.runtimes import OPEN, Runtime
from keras_switcher.tensors import fits

_SUFFIXES = {".tflite": "litert", ".onnx": "onnx", ".xml": "openvino"}
_UNKNOWN = (
    "The name of {path} does not tell its format: a folder is a SavedModel, .tflite is LiteRT, "
    ".onnx ONNX, .xml OpenVINO. Pass `format`, one of {formats}."
)


class ExportedModel:
    """A network that was exported, run by its format's own runtime instead of Keras.

    Use it to see how accurate a file is, or how fast.

    Args:
        filepath: What `export` wrote: a folder or a file.
        format: `"tf_saved_model"`, `"litert"`, `"onnx"` or `"openvino"`; by default what its name
            tells.

    Attributes:
        inputs: The names of its inputs.
        outputs: The names of its outputs, in the network's order where the file has one: LiteRT's
            are sorted.

    Raises:
        ValueError: If there is nothing at `filepath`, its name does not tell the format, or the
            format's runtime cannot open it.
        ImportError: If the package that runs the format is not installed.

    Example:

    >>> import tempfile
    >>> from keras_switcher import export_model
    >>> inputs = keras.Input((4,), name="features")
    >>> model = keras.Model(inputs, keras.layers.Dense(2, name="scores")(inputs))
    >>> path = f"{tempfile.mkdtemp()}/small.tflite"
    >>> report = export_model(model, path, format="litert")
    >>> exported = ExportedModel(path)
    >>> exported.inputs, exported.outputs
    (['features'], ['scores'])
    >>> exported.predict(np.ones((3, 4), "float32")).shape
    (3, 2)
    """

    def __init__(self, filepath: str | Path, format: str | None = None) -> None:
        path = Path(filepath)
        if not path.exists():
            raise ValueError(f"There is nothing at {path}: no file, and no folder.")
        format = format or ("tf_saved_model" if path.is_dir() else _SUFFIXES.get(path.suffix))
        if format not in OPEN:
            raise ValueError(_UNKNOWN.format(path=path, formats=tuple(OPEN)))
        self.format = format
        self._runtime = _opened(path, format)
        self.inputs = self._runtime.inputs
        self.outputs = self._runtime.outputs

    def __call__(self, x: object) -> np.ndarray | dict[str, np.ndarray]:
        """The outputs of one batch, see `predict`."""
        made = self._runtime.run(self._by_name(x))
        return made if len(made) > 1 else made[self.outputs[0]]

    def predict(self, x: object, batch_size: int = 32) -> np.ndarray | dict[str, np.ndarray]:
        """Its outputs for samples, computed in batches.

        Args:
            x: An array; a dict of arrays by name for several inputs.
            batch_size: How many samples are in a batch.

        Returns:
            An array; a dict of arrays by name for several outputs, in the order of `outputs`.

        Raises:
            ValueError: If arrays and inputs do not fit.
        """
        if not is_whole(batch_size, 1):
            raise ValueError(f"`batch_size` must be a positive integer. Received: {batch_size!r}.")
        given = self._by_name(x)
        sizes = {len(value) for value in given.values()}
        if len(sizes) != 1 or not min(sizes):
            raise ValueError(
                "All inputs must have as many samples, and at least one. "
                f"Received: {sorted(sizes)}."
            )
        starts = range(0, sizes.pop(), batch_size)
        made = [
            self({name: value[start : start + batch_size] for name, value in given.items()})
            for start in starts
        ]
        return tree.map_structure(lambda *batches: np.concatenate(batches), *made)

    def _by_name(self, x: object) -> dict[str, np.ndarray]:
        if not isinstance(x, Mapping):
            if len(self.inputs) > 1:
                raise ValueError(
                    f"Pass a dict with an array for each of the inputs {self.inputs}: a file need "
                    f"not keep the order of the network's. Received: x={type(x).__name__}."
                )
            x = {self.inputs[0]: x}
        if set(x) != set(self.inputs):
            raise ValueError(
                f"Expected arrays for the inputs {self.inputs}. Received: {sorted(x)}."
            )
        known = zip(self.inputs, self._runtime.dtypes, self._runtime.shapes, strict=True)
        given = {}
        for name, dtype, shape in known:
            given[name] = _cast(np.asarray(keras.ops.convert_to_numpy(x[name])), dtype)
            if shape is not None and not fits(given[name].shape, shape):
                raise ValueError(
                    f"The file reads '{name}' in the shape {shape}. "
                    f"Received: an array of the shape {given[name].shape}."
                )
        return given


def _opened(path: Path, format: str) -> Runtime:
    try:
        return OPEN[format](path)
    except ImportError:
        raise
    except Exception as error:  # Each runtime has errors of its own; the last line says what it is.
        said = (str(error).strip() or type(error).__name__).splitlines()[-1]
        raise ValueError(
            f"{path.name} cannot be opened as a file of the format '{format}': {said}"
        ) from error


def _cast(value: np.ndarray, dtype: str) -> np.ndarray:
    """Numbers as a file takes them, as Keras casts them: whole ones may become real ones."""
    to_real = dtype.startswith("float") and value.dtype.kind in "biuf"
    to_whole = "int" in dtype and value.dtype.kind in "iu"
    return value.astype(dtype) if to_real or to_whole else value
