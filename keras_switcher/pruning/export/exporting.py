"""Exports a model for inference; what fails, or computes something else, leaves nothing behind."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.functional_calls import why_unreadable
from keras_switcher.graph.tracing import check_is_model
from keras_switcher.pruning.export.names import (
    check_names,
    check_outputs,
    input_names,
    keep_names,
    with_flat_outputs,
    with_named_outputs,
)
from keras_switcher.pruning.export.onnx_writer import write_onnx
from keras_switcher.pruning.export.packages import RUNTIMES, missing_writer, runtime_package
from keras_switcher.pruning.export.placing import placed, size_of
from keras_switcher.pruning.export.quantization import (
    check_quantize,
    converter_settings,
    representative_samples,
)
from keras_switcher.pruning.export.verification import FileVerification, Reference
from keras_switcher.pruning.full_precision import FULL, HALF, computes_in, in_full_precision
from keras_switcher.pruning.verification import check_verify

# So many representative samples a quantized file is compared on.
_COMPARED = 64
# What Keras wants names to end with.
_SUFFIXES = {"litert": ".tflite", "openvino": ".xml"}
# What the runtimes of some formats do not compute in.
_NOT_RUN = {"litert": HALF, "onnx": ("bfloat16",), "openvino": ("bfloat16",)}


@dataclass(frozen=True)
class ExportReport:
    """What was written, and how far it is from the network.

    Args:
        path: The file or folder.
        format: Its format.
        quantize: How it was quantized, or None.
        size: Its size in bytes.
        difference: The largest difference between its outputs and those of the network, relative
            to the largest output; None where they were not compared.
        precision: `"float32"` if the network computes in half precision, in which the format's
            runtime does not; None if the file computes as the network does.
    """

    path: Path
    format: str
    quantize: str | None
    size: int
    difference: float | None
    precision: str | None = None

    def __str__(self) -> str:
        kind = ", ".join(filter(None, (self.format, self.precision, self.quantize)))
        found = "was not run"
        if self.difference is not None:
            says = "computes what the network does, within"
            says = "differs from the network by" if self.quantize else says
            found = f"{says} {self.difference:.1e} of the largest output"
        return f"{self.path.name} ({kind}, {self.size:,} bytes) {found}"


def export_model(
    model: keras.Model,
    filepath: str | Path,
    format: str = "tf_saved_model",
    verify: bool = True,
    quantize: str | None = None,
    representative: Any = None,
    reference: Reference | None = None,
    **kwargs: Any,
) -> ExportReport:
    """Exports a Functional or Sequential model for inference, to a path where nothing is yet.

    The file is written beside that path, run by its format's own runtime on random inputs, compared
    with the model, and moved to its place: an export that fails, or computes something else, leaves
    nothing behind. Names of inputs and outputs are those of the model. One in mixed precision is
    written, and compared, in float32, where the format's runtime does not compute in that: LiteRT
    in neither half precision, ONNX Runtime and OpenVINO not in bfloat16. That is printed.

    Args:
        model: The model: of this package or not.
        filepath: Where to write: a folder for SavedModel, a file otherwise.
        format: `"tf_saved_model"`, `"litert"`, `"onnx"`, `"openvino"`, or, unless it is to be run,
            any other format of `keras.Model.export`.
        verify: Run the file and compare it with the model: outputs may differ by 1e-4 of the
            largest, by more in half precision.
        quantize: For LiteRT, `"float16"` (weights in half precision), `"dynamic_int8"` (weights of
            8 bits) or `"int8"` (weights and values of 8 bits). Such a file differs: by how much is
            printed and returned.
        representative: For `"int8"`, samples of the data: arrays, or batches as those of
            `tf.data.Dataset`, labels left aside. The first 512 are used.
        reference: What the file is compared with; by default the model.
        **kwargs: See `keras.Model.export`.

    Returns:
        An `ExportReport`.

    Raises:
        ValueError: If there is something already where it would write, if the file does not run or
            computes something else, or if arguments do not fit together.
        ImportError: If a package is missing that writes the format or runs it.

    Example:

    >>> import tempfile
    >>> inputs = keras.Input((4,))
    >>> model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = export_model(model, f"{folder}/served")
    ...     [path.name for path in Path(folder).iterdir()]
    ['served']
    >>> report.difference < 1e-4
    True
    """
    check_verify(verify)
    check_quantize(quantize, representative, format, kwargs)
    check_is_model(model)
    if problem := why_unreadable(model):
        raise ValueError(problem)
    if isinstance(model, keras.Sequential):  # It has no names for its outputs.
        model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    precision = FULL if computes_in(model, _NOT_RUN.get(format, ())) else None
    if precision:
        model, reference = in_full_precision(model), None
    with placed(filepath) as path:
        samples = None
        if quantize == "int8":
            samples = representative_samples(model, representative)
        if verify and format in RUNTIMES:
            runtime_package(format)
        _check_name(filepath, format)
        check_outputs(model, format)
        check_names(model)
        settings = converter_settings(quantize, input_names(model), samples) if quantize else {}
        verbose = kwargs.get("verbose")
        _write(model, path, format, {"verbose": False, **kwargs, **settings})
        difference = None
        if verify and format not in RUNTIMES:
            raise ValueError(
                f"Nothing here runs files of the format '{format}', but of {tuple(RUNTIMES)}. "
                "Nothing was written; verify=False writes the file without running it."
            )
        if verify:
            reference = reference or Reference(ChannelGraph(model), {})
            few = samples and [array[:_COMPARED] for array in samples]
            signature = kwargs.get("input_signature")
            verification = FileVerification(model, format, reference, signature, few)
            difference = verification.check(path, exactly=quantize is None)
        size = size_of(path)
    report = ExportReport(Path(filepath), format, quantize, size, difference, precision)
    if (quantize or precision) and verbose is not False:
        print(report)
    return report


def _check_name(filepath: str | Path, format: str) -> None:
    suffix = _SUFFIXES.get(format, "")
    if not str(filepath).endswith(suffix):
        raise ValueError(
            f"The path of a file in the format '{format}' must end with '{suffix}'. Received: "
            f"filepath={str(filepath)!r}."
        )
    if format == "tf_saved_model" and (found := sorted(set("*?[") & set(str(filepath)))):
        raise ValueError(
            f"TensorFlow takes {' and '.join(found)} in the path of a SavedModel for a pattern. "
            f"Received: filepath={str(filepath)!r}."
        )


def _write(model: keras.Model, path: Path, format: str, kwargs: dict) -> None:
    """Writes a file in a format, with the network's names."""
    named, model = model, with_flat_outputs(model, format)
    model(model.input)  # Keras refuses to write some formats for a model that was never called.
    of_tensorflow = keras.backend.backend() == "tensorflow"
    with _missing_packages_told(format):
        if format == "onnx" and of_tensorflow:
            write_onnx(model, path, **kwargs)
        else:
            written = with_named_outputs(model) if format == "litert" and of_tensorflow else model
            with warnings.catch_warnings():  # LiteRT's converter calls what it calls deprecated.
                warnings.filterwarnings("ignore", r"\s*Warning: tf\.lite\.Interpreter")
                written.export(str(path), format=format, **kwargs)
        keep_names(path, format, named)


@contextmanager
def _missing_packages_told(format: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # Each writer has errors of its own; all go on, with a note.
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, ImportError):
            cause = cause.__cause__  # PyTorch's exporter raises an error of its own.
        if cause is None:
            error.add_note(
                f"Nothing was written. Where '{format}' does not take a layer, another format may; "
                "the guide 'Export' says which layers which format takes."
            )
            raise
        raise missing_writer(format, cause) from error
