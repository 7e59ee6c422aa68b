"""Timing: a network as a file, run again and again by the runtime of its format."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_switcher.pruning.export import export_model
from keras_switcher.pruning.export.packages import litert_interpreter, runtime_package

# The least time that one measurement takes, and how many there are: the shortest counts.
_SECONDS, _ROUNDS = 0.01, 5


def seconds_of(model: keras.Model, format: str, threads: int, batch: int) -> float:
    """Seconds that a network takes for a batch, as a file run by its format's runtime.

    Args:
        model: The network.
        format: One of the keys of `RUNS`.
        threads: The number of the runtime's threads.
        batch: The number of samples.
    """
    shapes = [(batch, *tensor.shape[1:]) for tensor in model.inputs]
    signature = [
        keras.InputSpec(shape=shape, dtype=tensor.dtype, name=tensor.name)
        for shape, tensor in zip(shapes, model.inputs, strict=True)
    ]
    # A list is the structure of several inputs, not that of several arguments.
    signature = signature if len(signature) == 1 else [signature]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{SUFFIXES[format]}"
        export_model(model, path, format, verify=False, input_signature=signature)
        values = [
            np.random.default_rng(0).normal(size=shape).astype(tensor.dtype)
            for shape, tensor in zip(shapes, model.inputs, strict=True)
        ]
        return least_seconds(RUNS[format](path, values, threads))


def least_seconds(run: Callable[[], Any], seconds: float = _SECONDS) -> float:
    """The seconds of a call: the least mean of some rounds, as what disturbs only adds.

    Args:
        run: What is called.
        seconds: How long a round takes at least.
    """
    number = calls_within(run, seconds)
    return min(seconds_per_call(run, number) for _ in range(_ROUNDS))


def calls_within(run: Callable[[], Any], seconds: float) -> int:
    """How many calls take so long, at least one; a first one, which may compile, does not count.

    Args:
        run: What is called.
        seconds: How long.
    """
    run()
    number, passed = 1, seconds_per_call(run, 1)
    while number * passed < seconds:
        number = max(2 * number, int(1.2 * seconds / max(passed, 1e-9)))
        passed = seconds_per_call(run, number)
    return number


def seconds_per_call(run: Callable[[], Any], number: int) -> float:
    """The mean seconds of so many calls.

    Args:
        run: What is called.
        number: How many calls.
    """
    start = time.perf_counter()
    for _ in range(number):
        run()
    return (time.perf_counter() - start) / number


def _litert(path: Path, values: list[np.ndarray], threads: int) -> Callable[[], Any]:
    interpreter = litert_interpreter(str(path), threads)
    # Inputs come in an order of the file's own: those of the same shape take the same time.
    by_shape = {value.shape[1:]: value for value in values}
    details = interpreter.get_input_details()
    for each in details:
        value = by_shape[tuple(each["shape"].tolist()[1:])]
        interpreter.resize_tensor_input(each["index"], value.shape)
    interpreter.allocate_tensors()
    for each in details:
        value = by_shape[tuple(each["shape"].tolist()[1:])]
        interpreter.set_tensor(each["index"], value.astype(each["dtype"]))
    return interpreter.invoke


def _onnx(path: Path, values: list[np.ndarray], threads: int) -> Callable[[], Any]:
    onnxruntime = runtime_package("onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    for each, value in zip(session.get_inputs(), values, strict=True):
        binding.bind_cpu_input(each.name, value)
    for each in session.get_outputs():
        binding.bind_output(each.name)
    return lambda: session.run_with_iobinding(binding)


def _openvino(path: Path, values: list[np.ndarray], threads: int) -> Callable[[], Any]:
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    compiled = runtime_package("openvino").Core().compile_model(str(path), "CPU", settings)
    request = compiled.create_infer_request()
    for place, value in enumerate(values):
        request.get_input_tensor(place).data[:] = value
    return request.infer


# How a file of each format is run, and how its name ends.
RUNS: dict[str, Callable[[Path, list[np.ndarray], int], Callable[[], Any]]] = {
    "litert": _litert,
    "onnx": _onnx,
    "openvino": _openvino,
}
SUFFIXES = {"litert": ".tflite", "onnx": ".onnx", "openvino": ".xml"}
