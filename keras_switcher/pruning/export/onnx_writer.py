"""ONNX under TensorFlow, by tf2onnx, with what Keras's own export lacks.

* What a layer computes with and does not hold as a weight, as Normalization its mean, becomes a
  constant of the file: tf2onnx makes it an input that nobody has.
* `erfc` (in gelu) and `expm1` (in celu) are written as `1 - erf(x)` and `exp(x) - 1`: tf2onnx knows
  neither.
* Grouped convolutions are written as such: Keras compiles them by XLA, which tf2onnx cannot read.
"""

import functools
import importlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import tree


def write_onnx(
    model: keras.Model,
    path: Path,
    input_signature: Any = None,
    opset_version: int | None = None,
    **kwargs: Any,
) -> None:
    """Writes a Functional model as an ONNX file.

    Args:
        model: The model.
        path: The file.
        input_signature: See `keras.Model.export`.
        opset_version: See `keras.Model.export`.
        **kwargs: What Keras's own export takes, too, and has no use for.

    Raises:
        ImportError: If tf2onnx or onnx is not installed.
    """
    tf, tf2onnx, onnx = map(importlib.import_module, ("tensorflow", "tf2onnx", "onnx"))
    specs = tree.map_structure(
        lambda x: tf.TensorSpec(x.shape, x.dtype, name=x.name),
        [model.input] if input_signature is None else input_signature,
    )
    with _no_functions_within(tf), _quiet():
        traced = tf.function(functools.partial(model, training=False)).get_concrete_function(*specs)
        proto, _ = tf2onnx.convert.from_function(
            _Traced(traced),
            input_signature=specs,
            opset=opset_version,
            custom_op_handlers={name: (handler, []) for name, handler in _HANDLERS.items()},
        )
    _give_constants(proto.graph, traced, onnx)
    onnx.save(proto, path)


class _Traced:
    """A function that is traced already, as tf2onnx asks for it."""

    def __init__(self, traced: Any) -> None:
        self._traced = traced

    def get_concrete_function(self, *args: Any) -> Any:
        return self._traced


@contextmanager
def _no_functions_within(tf: Any) -> Iterator[None]:
    """Within it, functions that a function calls are traced in place, those for XLA as well."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Within it, tf2onnx does not log what it cannot convert: the file shows it when it is run."""
    loggers = [logging.getLogger(f"tf2onnx{part}") for part in ("", ".tfonnx", ".tf_utils")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _give_constants(graph: Any, traced: Any, onnx: Any) -> None:
    """Gives values to the inputs of a graph that are no inputs of the network."""
    captured = traced.inputs[len(traced.inputs) - len(traced.captured_inputs) :]
    pairs = zip(captured, traced.captured_inputs, strict=True)
    values = {x.name: value for x, value in pairs if x.dtype.is_numpy_compatible}  # No tables.
    read = {name for node in graph.node for name in node.input}
    for given in [each for each in graph.input if each.name in values]:
        graph.input.remove(given)
        if given.name in read:
            array = values[given.name].numpy()
            graph.initializer.append(onnx.numpy_helper.from_array(array, given.name))


def _erfc(graph: Any, node: Any, name: str, args: Any) -> None:
    """1 - erf(x)."""
    _replace(graph, node, "Erf", lambda made, one: (one, made))


def _expm1(graph: Any, node: Any, name: str, args: Any) -> None:
    """exp(x) - 1."""
    _replace(graph, node, "Exp", lambda made, one: (made, one))


_HANDLERS = {"Erfc": _erfc, "Expm1": _expm1}


def _replace(graph: Any, node: Any, operation: str, order: Any) -> None:
    """Puts the difference of an operation and one, in an order, into the place of a node."""
    shapes, dtypes, outputs = node.output_shapes, node.output_dtypes, node.output
    of_numpy = importlib.import_module("onnx").helper.tensor_dtype_to_np_dtype(dtypes[0])
    graph.remove_node(node.name)
    one = graph.make_const(f"{node.name}/one", np.ones((), of_numpy)).output[0]
    made = graph.make_node(operation, list(node.input), name=f"{node.name}/{operation}").output[0]
    graph.make_node(
        "Sub", order(made, one), outputs=outputs, name=node.name, shapes=shapes, dtypes=dtypes
    )
