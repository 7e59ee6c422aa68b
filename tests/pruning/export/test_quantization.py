"""Quantized LiteRT files run, are smaller, and say how far they are from the network."""

import keras
import numpy as np
import pytest
from helpers.checks import with_random_weights
from helpers.formats import chain
from keras import layers, ops

from keras_switcher import ExportedModel, SwitcherModel, export_model

pytestmark = pytest.mark.only("tensorflow", reason="TensorFlow's converter quantizes.")
KINDS = ("float16", "dynamic_int8", "int8")


def network():
    return with_random_weights(
        chain(
            layers.Conv2D(16, 3, activation="relu"),
            layers.Conv2D(32, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(64, "relu"),
            layers.Dense(5, name="scores"),
        )
    )


def images(samples=40, seed=0):
    return np.random.default_rng(seed).normal(size=(samples, 8, 8, 4)).astype("float32")


def needs(quantize, x):
    return {"representative": x} if quantize == "int8" else {}


def relative(actual, expected):
    expected = ops.convert_to_numpy(expected)
    return np.abs(actual - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("quantize", KINDS)
def test_a_quantized_file_runs_and_its_difference_is_told(quantize, tmp_path, capsys):
    model, x = network(), images()
    path = tmp_path / "small.tflite"
    whole = export_model(model, tmp_path / "whole.tflite", "litert")
    report = export_model(model, path, "litert", quantize=quantize, **needs(quantize, x))
    assert 1e-6 < report.difference < 0.1
    assert report.size < 0.75 * whole.size
    assert str(report) in capsys.readouterr().out
    assert f"{report.difference:.1e} of the largest" in str(report)
    file = ExportedModel(path)
    assert (file.inputs, file.outputs) == (["image"], ["scores"])
    found = file.predict(x)
    assert found.dtype == "float32"
    assert relative(found, model(x)) < 0.1
    if quantize == "int8":
        assert relative(found, model(x)) == pytest.approx(report.difference, abs=1e-3)


def test_only_8_bits_are_left_inside_where_all_is_quantized(tmp_path):
    import tensorflow as tf

    export_model(
        network(), tmp_path / "small.tflite", "litert", quantize="int8", representative=images()
    )
    with pytest.warns(UserWarning, match=r"tf\.lite\.Interpreter"):
        made = tf.lite.Interpreter(str(tmp_path / "small.tflite"))
    made.allocate_tensors()
    ends = {d["index"] for d in (*made.get_input_details(), *made.get_output_details())}
    kinds = {d["dtype"] for d in made.get_tensor_details() if d["index"] not in ends}
    assert np.float32 not in kinds


def test_whole_numbers_at_entrance_and_exit(tmp_path):
    import tensorflow as tf

    model, x = network(), images()
    path = tmp_path / "small.tflite"
    ends = {"inference_input_type": tf.int8, "inference_output_type": tf.int8}
    report = export_model(model, path, "litert", quantize="int8", representative=x, **ends)
    assert report.difference < 0.1
    assert relative(ExportedModel(path).predict(x), model(x)) < 0.1


@pytest.mark.parametrize(
    "given",
    [
        lambda x: x,
        lambda x: (x, np.zeros(len(x))),
        lambda x: [x[:10], x[10:]],
        lambda x: ((x[i : i + 8], np.zeros(8)) for i in range(0, 40, 8)),
        lambda x: {"image": x},
        ops.convert_to_tensor,
    ],
    ids=["array", "with labels", "batches", "batches with labels", "dict", "tensor"],
)
def test_representative_samples_come_as_any_data(given, tmp_path):
    model, x = network(), images()
    expected = export_model(
        model, tmp_path / "a.tflite", "litert", quantize="int8", representative=x
    )
    actual = export_model(
        model, tmp_path / "b.tflite", "litert", quantize="int8", representative=given(x)
    )
    assert actual.difference == expected.difference
    assert (tmp_path / "a.tflite").read_bytes() == (tmp_path / "b.tflite").read_bytes()


def test_several_inputs(tmp_path):
    one, two = keras.Input((4,), name="later"), keras.Input((3,), name="earlier")
    outputs = layers.Dense(2)(layers.Dense(32, "relu")(layers.Concatenate()([one, two])))
    model = with_random_weights(keras.Model([one, two], outputs))
    rng = np.random.default_rng(0)
    # On scales of their own: exchanged, they would be cut off.
    x = {"later": rng.normal(size=(50, 4)), "earlier": 100 * rng.normal(size=(50, 3))}
    x = {name: values.astype("float32") for name, values in x.items()}
    path = tmp_path / "small.tflite"
    report = export_model(model, path, "litert", quantize="int8", representative=x)
    assert report.difference < 0.1
    assert relative(ExportedModel(path).predict(x), model([x["later"], x["earlier"]])) < 0.1


def test_a_switcher_model_quantizes_what_is_left(tmp_path):
    model = SwitcherModel(network())
    path = tmp_path / "small.tflite"
    report = model.export(path, "litert", quantize="int8", representative=images(), verbose=False)
    assert report.difference < 0.1


@pytest.mark.parametrize(
    ("representative", "cause"),
    [
        (np.ones((3, 8, 8, 3), "float32"), r"\('image', \(None, 8, 8, 4\)\).*\(3, 8, 8, 3\)"),
        (np.ones((8, 8, 4), "float32"), r"samples for all inputs.*\(8, 8, 4\)"),
        (np.array([["a"] * 4] * 3), "samples for all inputs.*<U1"),
        (np.ones((0, 8, 8, 4), "float32"), "no batch in `representative`"),
        ([], "no batch in `representative`"),
        ([np.ones((0, 8, 8, 4), "float32")], "has no samples"),
        (np.full((3, 8, 8, 4), np.nan), "has 768 NaN or infinite numbers for the input 'image'"),
        ({"other": np.ones((3, 8, 8, 4))}, r"Received: \['other'\]"),
        (3, "must be arrays, such as"),
    ],
)
def test_representative_samples_that_do_not_fit(representative, cause, tmp_path):
    with pytest.raises(ValueError, match=cause):
        export_model(
            network(),
            tmp_path / "new" / "small.tflite",
            "litert",
            quantize="int8",
            representative=representative,
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        ({"quantize": "int4"}, r"must be None or one of.*'int4'"),
        ({"quantize": "int8"}, "needs `representative`"),
        ({"quantize": "float16", "representative": [1]}, "needs `representative`"),
        ({"representative": [1]}, "for quantize='int8' alone"),
        ({"quantize": "float16", "format": "onnx"}, "is for format='litert'"),
        ({"quantize": "float16", "optimizations": []}, r"sets \['optimizations'\] itself"),
    ],
)
def test_arguments_that_do_not_fit_together(arguments, cause, tmp_path):
    with pytest.raises(ValueError, match=cause):
        export_model(network(), tmp_path / "small.tflite", **{"format": "litert", **arguments})
    assert not list(tmp_path.iterdir())
