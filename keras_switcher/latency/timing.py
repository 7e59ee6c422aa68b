"""Timing: a network as a file, run again and again by the runtime of its format."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from keras_switcher.graph.random_inputs import Draw, limits_of
from keras_switcher.graph.tracing import trace
from keras_switcher.pruning.export import export_model
from keras_switcher.pruning.export.packages import litert_interpreter, runtime_package

Arrays = dict[str, np.ndarray]
# The least time that one measurement takes, and how many there are: the shortest counts.
_SECONDS, _ROUNDS = 0.01, 5
# How often a network runs in turn with another one: the median counts.
_TURNS = 9


def seconds_of(
    model: keras.Model,
    format: str,
    threads: int,
    batch: int,
    between: Callable[[], Any] | None = None,
) -> float:
    """Seconds that a network takes for a batch, as a file run by its format's runtime.

    Args:
        model: The network.
        format: One of the keys of `RUNS`.
        threads: The number of the runtime's threads.
        batch: The number of samples.
        between: What is called before each run, which then finds the caches as that leaves them;
            by default it is run again and again.
    """
    with running(model, format, threads, batch) as run:
        return least_seconds(run) if between is None else seconds_in_turn(run, between)


@contextmanager
def running(
    model: keras.Model, format: str, threads: int, batch: int
) -> Iterator[Callable[[], Any]]:
    """A call that runs a network on random inputs, as a file that is there as long.

    Args:
        model: The network.
        format: One of the keys of `RUNS`.
        threads: The number of the runtime's threads.
        batch: The number of samples.
    """
    graph = trace(model)
    signature = tree.map_structure(
        lambda x: keras.InputSpec(shape=(batch, *x.shape[1:]), dtype=x.dtype, name=x.name),
        graph.inputs,
    )
    if isinstance(signature, (list, tuple)) and len(signature) == 1:
        signature = signature[0]
    # Whole numbers are those that embeddings have a row for.
    drawn = Draw(1, samples=batch).values(graph.inputs, limits_of(graph))
    values = [ops.convert_to_numpy(value) for value in tree.flatten(drawn)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{SUFFIXES[format]}"
        # A list is that of arguments, of which a model has one.
        export_model(model, path, format, verify=False, input_signature=[signature], verbose=False)
        names = [tensor.name for tensor in tree.flatten(graph.inputs)]
        yield RUNS[format](path, dict(zip(names, values, strict=True)), threads)


def least_seconds(run: Callable[[], Any], seconds: float = _SECONDS) -> float:
    """The seconds of a call: the least mean of some rounds, as what disturbs only adds.

    Args:
        run: What is called.
        seconds: How long a round takes at least.
    """
    number = calls_within(run, seconds)
    return min(seconds_per_call(run, number) for _ in range(_ROUNDS))


def seconds_in_turn(run: Callable[[], Any], between: Callable[[], Any]) -> float:
    """The median seconds of single calls, before each of which another one is made.

    Args:
        run: What is called.
        between: What is called before each.
    """
    run()
    passed = []
    for _ in range(_TURNS):
        between()
        passed.append(seconds_per_call(run, 1))
    return statistics.median(passed)


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


def _litert(path: Path, values: Arrays, threads: int) -> Callable[[], Any]:
    interpreter = litert_interpreter(str(path), threads)
    details = interpreter.get_signature_runner().get_input_details()
    given = _given(values, list(details))
    for name, each in details.items():
        interpreter.resize_tensor_input(each["index"], given[name].shape)
    interpreter.allocate_tensors()
    for name, each in details.items():
        interpreter.set_tensor(each["index"], given[name].astype(each["dtype"]))
    return interpreter.invoke


def _onnx(path: Path, values: Arrays, threads: int) -> Callable[[], Any]:
    onnxruntime = runtime_package("onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    names = [each.name for each in session.get_inputs()]
    for name, value in _given(values, names).items():
        binding.bind_cpu_input(name, value)
    for each in session.get_outputs():
        binding.bind_output(each.name)
    return lambda: session.run_with_iobinding(binding)


def _openvino(path: Path, values: Arrays, threads: int) -> Callable[[], Any]:
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    openvino = runtime_package("openvino")
    compiled = openvino.Core().compile_model(str(path), "CPU", settings)
    request = compiled.create_infer_request()
    names = [each.get_any_name() for each in compiled.inputs]
    for name, value in _given(values, names).items():
        request.set_tensor(name, openvino.Tensor(value))
    return request.infer


def _given(values: Arrays, names: list[str]) -> Arrays:
    """Inputs by the names of a file: an input that nothing reads may be missing in it."""
    if set(names) <= set(values):
        return {name: values[name] for name in names}
    return dict(zip(names, values.values(), strict=True))


# How a file of each format is run, and how its name ends.
RUNS: dict[str, Callable[[Path, Arrays, int], Callable[[], Any]]] = {
    "litert": _litert,
    "onnx": _onnx,
    "openvino": _openvino,
}
SUFFIXES = {"litert": ".tflite", "onnx": ".onnx", "openvino": ".xml"}
