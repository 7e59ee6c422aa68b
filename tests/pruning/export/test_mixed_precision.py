"""Networks in mixed precision: written in float32 where a runtime does not compute in less."""

import keras
import numpy as np
import pytest
from helpers.checks import with_random_weights
from helpers.formats import FORMATS, SUFFIXES
from helpers.toys import convnet
from keras import layers, ops

from keras_switcher import ExportedModel, SwitcherModel, export_model, prune_channels

pytestmark = pytest.mark.only("tensorflow", reason="It writes all formats by TensorFlow.")


def relative(actual, expected):
    expected = ops.convert_to_numpy(expected).astype("float32")
    return np.abs(np.asarray(actual) - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_may_differ_by_its_rounding(policy, tmp_path):
    keras.config.set_dtype_policy(policy)
    model = with_random_weights(prune_channels(convnet(), {}))
    report = export_model(model, tmp_path / "small")
    assert report.difference < 0.02


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_what_a_runtime_does_not_compute_in_is_written_in_float32(policy, format, tmp_path, capsys):
    keras.config.set_dtype_policy(policy)
    task = with_random_weights(convnet())
    names = [layer.name for layer in task.layers]
    path = tmp_path / f"small{SUFFIXES[format]}"
    report = SwitcherModel(task).export(path, format)
    said = capsys.readouterr().out
    runs_float16 = format in ("tf_saved_model", "onnx", "openvino")
    if format == "tf_saved_model" or (policy == "mixed_float16" and runs_float16):
        assert (report.precision, said) == (None, "")
        return
    assert report.precision == "float32"
    assert f"({format}, float32," in said
    assert report.difference < 1e-4
    assert [layer.name for layer in task.layers] == names
    assert task.layers[-1].compute_dtype == keras.DTypePolicy(policy).compute_dtype
    x = np.random.default_rng(0).normal(size=(3, *task.input_shape[1:])).astype("float32")
    expected = ops.convert_to_numpy(ops.cast(task(x, training=False), "float32"))
    made = ExportedModel(path)(x)
    assert made.dtype == np.float32
    assert relative(made, expected) < (0.02 if policy == "mixed_float16" else 0.1)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_inputs_of_openvino_keep_their_names_where_they_are_cast(policy, tmp_path):
    pytest.importorskip("openvino")
    keras.config.set_dtype_policy(policy)
    inputs = [keras.Input((4,), name=name) for name in ("right", "left")]
    x = layers.Concatenate()([layers.Dense(3)(x) for x in inputs])
    model = with_random_weights(keras.Model(inputs, layers.Dense(2, name="head")(x)))
    export_model(model, tmp_path / "small.xml", "openvino")
    file = ExportedModel(tmp_path / "small.xml")
    assert (sorted(file.inputs), file.outputs) == (["left", "right"], ["head"])
    values = {name: np.ones((1, 4), "float32") * n for n, name in enumerate(file.inputs)}
    assert relative(file(values), model([values["right"], values["left"]])) < 1e-2


def test_a_network_in_mixed_precision_is_quantized(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = with_random_weights(convnet())
    x = np.random.default_rng(0).normal(size=(50, *model.input_shape[1:])).astype("float32")
    for quantize, more in ((None, {}), ("float16", {}), ("int8", {"representative": x})):
        path = tmp_path / f"{quantize}.tflite"
        report = export_model(model, path, "litert", quantize=quantize, verbose=False, **more)
        assert report.precision == "float32"
        assert report.difference < (0.2 if quantize == "int8" else 0.01)
