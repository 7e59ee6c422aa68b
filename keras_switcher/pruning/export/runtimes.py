"""Runtimes: a file of each format behind the same two lists of names and one method."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from keras_switcher.pruning.export.packages import litert_interpreter, runtime_package
from keras_switcher.tensors import Shape

Arrays = dict[str, np.ndarray]


class Runtime(Protocol):
    """A file that is ready to run.

    Attributes:
        inputs: Names of its inputs.
        dtypes: The names of their dtypes.
        shapes: Their shapes; sizes that are open are None, and so is a shape of an open rank.
        outputs: Names of its outputs.
    """

    inputs: list[str]
    dtypes: list[str]
    shapes: list[Shape | None]
    outputs: list[str]

    def run(self, values: Arrays) -> Arrays:
        """Its outputs by name, for inputs by name."""


class SavedModel:
    """A folder that TensorFlow runs.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        tf = runtime_package("tf_saved_model")
        self._tensor = tf.constant
        self._loaded = tf.saved_model.load(str(path))  # What it computes with lives as long as it.
        self._signature = self._loaded.signatures["serving_default"]
        specs = self._signature.structured_input_signature[1]
        self.inputs = list(specs)
        self.dtypes = [spec.dtype.name for spec in specs.values()]
        shapes = [spec.shape for spec in specs.values()]
        self.shapes = [None if shape.rank is None else tuple(shape) for shape in shapes]
        self.outputs = _in_order(self._signature.structured_outputs)

    def run(self, values: Arrays) -> Arrays:
        tensors = {name: self._tensor(value) for name, value in values.items()}
        made = self._signature(**tensors)
        return {name: made[name].numpy() for name in self.outputs}


class LiteRT:
    """A file that LiteRT's own interpreter runs, or TensorFlow's where that is not installed.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        interpreter = litert_interpreter(str(path))
        names = {details["op_name"] for details in interpreter._get_ops_details()}
        if foreign := sorted(name for name in names if name.startswith("Flex")):
            raise RuntimeError(
                "It holds operations of TensorFlow's that LiteRT does not have: "
                f"{', '.join(foreign)}. Only programs that link these (the Flex delegate) run it. "
                "Recurrent layers need none where the number of samples is fixed, by "
                "input_signature=[keras.InputSpec(shape=(1, ...))], or with unroll=True."
            )
        self._run = interpreter.get_signature_runner()
        self._given, self._made = self._run.get_input_details(), self._run.get_output_details()
        self.inputs, self.outputs = list(self._given), _in_order(self._made)
        self.dtypes = [np.dtype(details["dtype"]).name for details in self._given.values()]
        signed = [details["shape_signature"] for details in self._given.values()]
        # Of several samples where it takes one, they are run one by one.
        self.shapes: list[Shape | None] = [
            (None, *(None if n < 0 else int(n) for n in shape[1:])) for shape in signed
        ]

    def run(self, values: Arrays) -> Arrays:
        given = {name: _stored(value, self._given[name]) for name, value in values.items()}
        try:
            made = self._run(**given)
        except RuntimeError:
            if len(next(iter(given.values()))) < 2:
                raise
            made = self._one_by_one(given)
        return {name: _restored(made[name], self._made[name]) for name in self.outputs}

    def _one_by_one(self, given: Arrays) -> Arrays:
        """Some networks are converted for one sample at a time alone."""
        rows = range(len(next(iter(given.values()))))
        made = [self._run(**{n: v[row : row + 1] for n, v in given.items()}) for row in rows]
        return {name: np.concatenate([each[name] for each in made]) for name in self.outputs}


class ONNX:
    """A file that ONNX Runtime runs.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        onnxruntime = runtime_package("onnx")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # What is wrong comes as an error, too.
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        self.inputs = [each.name for each in self._session.get_inputs()]
        types = [each.type.removeprefix("tensor(")[:-1] for each in self._session.get_inputs()]
        self.dtypes = [{"float": "float32", "double": "float64"}.get(x, x) for x in types]
        shapes = [each.shape for each in self._session.get_inputs()]
        self.shapes: list[Shape | None] = [
            tuple(n if isinstance(n, int) else None for n in shape) for shape in shapes
        ]
        self.outputs = [each.name for each in self._session.get_outputs()]

    def run(self, values: Arrays) -> Arrays:
        return dict(zip(self.outputs, self._session.run(None, values), strict=True))


class OpenVINO:
    """A pair of files, `.xml` and `.bin`, that OpenVINO runs in float32.

    Args:
        path: The `.xml` file.
    """

    def __init__(self, path: Path) -> None:
        openvino = runtime_package("openvino")
        # By itself it computes in half precision where the processor can.
        settings = {"INFERENCE_PRECISION_HINT": "f32"}
        self._compiled = openvino.Core().compile_model(str(path), "CPU", settings)
        self.inputs = [_name_of(each) for each in self._compiled.inputs]
        types = [each.get_element_type() for each in self._compiled.inputs]
        self.dtypes = [np.dtype(each.to_dtype()).name for each in types]
        shapes = [each.get_partial_shape() for each in self._compiled.inputs]
        self.shapes = [None if shape.rank.is_dynamic else _sizes(shape) for shape in shapes]
        self.outputs = [_name_of(each) for each in self._compiled.outputs]

    def run(self, values: Arrays) -> Arrays:
        made = self._compiled(values)
        pairs = zip(self.outputs, self._compiled.outputs, strict=True)
        return {name: np.array(made[output]) for name, output in pairs}


def _sizes(shape: Any) -> Shape:
    """The sizes of a shape of OpenVINO's."""
    return tuple(None if size.is_dynamic else size.get_length() for size in shape)


def _name_of(port: Any) -> str:
    """The name of an input or output: where its tensor has several, the one that its node has.

    Else one that is no name of a tensor within the file, if there is such.
    """
    names = sorted(port.get_names())
    own = port.get_node().get_friendly_name()
    return own if own in names else next((name for name in names if ":" not in name), names[0])


def _in_order(names: Iterable[str]) -> list[str]:
    """Outputs that a file holds in no order: by their numbers if they are numbered, or by name."""
    in_order = sorted(names)
    numbered = [f"output_{number}" for number in range(len(in_order))]
    return numbered if in_order == sorted(numbered) else in_order


# What opens a file, by its format.
OPEN: dict[str, Callable[[Path], Runtime]] = {
    "tf_saved_model": SavedModel,
    "litert": LiteRT,
    "onnx": ONNX,
    "openvino": OpenVINO,
}


def _stored(value: np.ndarray, details: dict[str, Any]) -> np.ndarray:
    """Real numbers as a file with whole ones at its entrance stores them."""
    scale, zero = details["quantization"]
    if not scale or not np.issubdtype(value.dtype, np.floating):
        return value
    limits = np.iinfo(details["dtype"])
    return np.clip(np.round(value / scale) + zero, limits.min, limits.max).astype(limits.dtype)


def _restored(value: np.ndarray, details: dict[str, Any]) -> np.ndarray:
    scale, zero = details["quantization"]
    return (scale * (value.astype("float32") - zero)).astype("float32") if scale else value
