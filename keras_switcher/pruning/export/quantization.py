"""Quantization of LiteRT files: half precision, or whole numbers of 8 bits."""

import importlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from keras_switcher.batches import batches_of
from keras_switcher.graph.inputs import arranged

KINDS = ("float16", "dynamic_int8", "int8")
# More samples than these tell little more about the range of values.
_MOST = 512


def check_quantize(quantize: str | None, representative: Any, format: str, kwargs: dict) -> None:
    """Raises ValueError if arguments of `export_model` about quantization do not fit together."""
    if quantize is None:
        if representative is not None:
            raise ValueError("`representative` is for quantize='int8' alone.")
        return
    if quantize not in KINDS:
        raise ValueError(f"`quantize` must be None or one of {KINDS}. Received: {quantize!r}.")
    backend = keras.backend.backend()
    if format != "litert" or backend != "tensorflow":
        raise ValueError(
            "`quantize` is for format='litert' under TensorFlow. "
            f"Received: quantize={quantize!r}, format={format!r}, under {backend}."
        )
    if taken := {"optimizations", "representative_dataset", "target_spec"} & set(kwargs):
        raise ValueError(f"`quantize` sets {sorted(taken)} itself: pass one or the other.")
    if (quantize == "int8") != (representative is not None):
        raise ValueError(
            "quantize='int8' needs `representative`, samples of the data, by which the ranges of "
            "all values in the network are found; others have no use for it. Received: "
            f"quantize={quantize!r}, representative={type(representative).__name__}."
        )


def representative_samples(model: keras.Model, representative: Any) -> list[np.ndarray]:
    """Representative samples as an array for each of a network's flattened inputs.

    Args:
        model: The network.
        representative: Arrays or batches, see `batches_of`; labels are left aside. The first 512
            samples are used.

    Raises:
        ValueError: If there are no samples, if they are not of the shapes of the inputs, or if they
            have numbers that are not finite.
    """
    inputs = tree.flatten(model.input)
    batches: list[list[np.ndarray]] = []
    for x, _, _ in batches_of(representative, name="representative"):
        given = [ops.convert_to_numpy(array) for array in tree.flatten(arranged(x, model.input))]
        _check_batch(given, inputs)
        batches.append(given)
        if sum(len(batch[0]) for batch in batches) >= _MOST:
            break
    joined = [np.concatenate(arrays)[:_MOST] for arrays in zip(*batches, strict=True)]
    if not len(joined[0]):
        raise ValueError("`representative` has no samples: pass a few hundred of the data.")
    return [a.astype(x.dtype) for a, x in zip(joined, inputs, strict=True)]


def _check_batch(given: list[np.ndarray], inputs: list[keras.KerasTensor]) -> None:
    fits = len(given) == len(inputs) and all(
        array.dtype.kind in "biuf"
        and array.ndim == len(x.shape)
        and all(n in (None, m) for n, m in zip(x.shape[1:], array.shape[1:], strict=True))
        for array, x in zip(given, inputs, strict=True)
    )
    if not fits or len({len(array) for array in given}) > 1:
        raise ValueError(
            "`representative` must have samples for all inputs of the network, which are "
            f"{[(x.name, tuple(x.shape)) for x in inputs]}. Received: arrays of shapes "
            f"{[array.shape for array in given]} and types {[str(a.dtype) for a in given]}."
        )
    for array, x in zip(given, inputs, strict=True):
        wrong = int((~np.isfinite(array)).sum())
        if wrong:
            raise ValueError(
                f"`representative` has {wrong} NaN or infinite numbers for the input '{x.name}': "
                "their range would be that of nothing. Leave these samples out."
            )


def converter_settings(
    quantize: str, names: list[str], samples: list[np.ndarray] | None
) -> dict[str, Any]:
    """The settings of LiteRT's converter.

    Args:
        quantize: One of `KINDS`.
        names: The names of the network's inputs.
        samples: For `"int8"`, see `representative_samples`.
    """
    tf = importlib.import_module("tensorflow")
    settings: dict[str, Any] = {"optimizations": [tf.lite.Optimize.DEFAULT]}
    if quantize == "float16":
        settings["target_spec"] = {"supported_types": [tf.float16]}
    if samples is not None:

        def dataset() -> Iterator[dict[str, np.ndarray]]:
            for row in range(len(samples[0])):
                arrays = (array[row : row + 1] for array in samples)
                yield dict(zip(names, arrays, strict=True))

        settings["representative_dataset"] = dataset
        # These alone, so that nothing is left in floating-point numbers unseen.
        settings["target_spec"] = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]}
    return settings
