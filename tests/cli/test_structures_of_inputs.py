"""Networks with inputs of any structure go through the commands."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_switcher as ks

pytestmark = [
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="They are exported"),
    pytest.mark.filterwarnings("ignore:When providing `inputs` as a dict"),
]


@pytest.fixture
def of_dict(tmp_path):
    """A network of a dict whose keys are not the names of its inputs, nor in their order."""
    first, second = keras.Input((4,), name="first"), keras.Input((7,), name="second")
    x = layers.Concatenate()([layers.Dense(6, name="one")(first), layers.Dense(5)(second)])
    model = keras.Model({"z": first, "a": second}, layers.Dense(2, name="head")(x))
    model.save(tmp_path / "dict.keras")
    return model


def samples():
    rng = np.random.default_rng(0)
    first, second = (rng.normal(size=(20, n)).astype("float32") for n in (4, 7))
    np.savez("samples.npz", first=first, second=second)
    return {"z": first, "a": second}


def test_a_dict_is_verified_timed_and_pruned_by_data(run_json, of_dict):
    run_json("export", "dict.keras", "-o", "dict.tflite")
    x = samples()
    for data in ((), ("--data", "samples.npz")):
        assert run_json("verify", "dict.keras", "dict.keras", *data)["equal"]
        assert run_json("verify", "dict.keras", "dict.tflite", *data)["equal"]
        found = run_json("bench", "dict.tflite", "dict.keras", "--rounds", 3, *data)
        assert [row["file"] for row in found["files"]] == ["dict.tflite", "dict.keras"]
    options = ("--criterion", "activation", "--data", "samples.npz")
    run_json("prune", "dict.keras", "-o", "small.keras", *options)
    expected = ks.prune(of_dict, ks.Budget(0.5), "activation", data=(x, None))
    small = keras.saving.load_model("small.keras")
    np.testing.assert_allclose(small(x), expected(x), rtol=1e-5, atol=1e-6)
    run_json("export", "dict.keras", "-o", "int8.tflite", "--int8", "--data", "samples.npz")


def test_open_sizes_are_timed_at_the_sizes_that_are_drawn(run_json, tmp_path):
    inputs = keras.Input((None, None, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(inputs))
    keras.Model(inputs, layers.Dense(2)(x)).save(tmp_path / "open.keras")
    run_json("export", "open.keras", "-o", "open.tflite")
    assert run_json("bench", "open.keras", "open.tflite", "--rounds", 3, "--batch", 2)["files"]


def test_half_precision_may_differ_by_more(run, run_json, tmp_path):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((8,)), layers.Dense(16, "relu"), layers.Dense(3)])
    model.save(tmp_path / "whole.keras")
    config = model.get_config()
    half = keras.Sequential.from_config(config)
    for layer in half.layers:
        layer.dtype_policy = "mixed_float16"
    half.set_weights(model.get_weights())
    half.save(tmp_path / "half.keras")
    found = run_json("verify", "whole.keras", "half.keras")
    assert found["equal"]
    assert found["tolerance"] == pytest.approx(2.0**-6)
    assert 1e-4 < found["difference"] < 2.0**-6
    assert run("verify", "whole.keras", "half.keras", "--tolerance", 1e-4)[0] == 1


def test_files_that_cannot_be_compared_are_named(run, saved, tmp_path):
    inputs = keras.Input((5,))
    keras.Model(inputs, layers.Dense(3)(inputs)).save(tmp_path / "flat.keras")
    code, out, err = run("verify", saved, "flat.keras")
    assert (code, out) == (2, "")
    assert "flat.keras does not run on inputs of the shape (16, 8, 8, 1)" in err
    other = [keras.Input((5,), name="left"), keras.Input((5,), name="right")]
    keras.Model(other, layers.Add()(other)).save(tmp_path / "two.keras")
    for command in ("verify", "bench"):
        code, out, err = run(command, "two.keras", "flat.keras")
        assert (code, out) == (2, "")
        assert "left, right" in err


def test_opened_layers_are_counted_by_what_is_left_of_them(run_json, tmp_path):
    inputs = keras.Input((6, 8))
    x = layers.MultiHeadAttention(4, 2, name="attention")(inputs, inputs)
    x = layers.GlobalAveragePooling1D()(x)
    keras.Model(inputs, layers.Dense(2)(x)).save(tmp_path / "attention.keras")
    found = run_json("prune", "attention.keras", "-o", "small.keras")
    groups = {group["name"]: group for group in found["groups"]}
    heads = groups["attention/query_dense/heads"]
    small = keras.saving.load_model("small.keras")
    # A kernel of shape (8, heads, 2).
    assert heads["after"] == small.get_layer("attention_query_dense").kernel.shape[1] > 0
    made = groups["attention/output_dense"]
    assert made["after"] == small.get_layer("attention_output_dense").kernel.shape[-1] > 0


def test_an_export_has_a_name_by_which_its_format_is_known(run, saved, tmp_path):
    for format, wrong in (("onnx", "small.tflite"), ("litert", "small"), ("openvino", "x.onnx")):
        code, _, err = run("export", saved, "--format", format, "-o", wrong)
        assert code == 2
        assert "--out must end in" in err
        assert not (tmp_path / wrong).exists()
