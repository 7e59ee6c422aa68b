"""Files of other formats are written, compared and timed."""

import json

import keras
import numpy as np
import pytest

import keras_switcher as ks

pytestmark = pytest.mark.only("tensorflow", reason="LiteRT's converter is TensorFlow's.")


@pytest.fixture
def switched(switcher_model, tmp_path):
    switcher_model.save(tmp_path / "switched.keras")
    return tmp_path / "switched.keras"


def samples(tmp_path, number=20):
    x = np.random.default_rng(0).normal(size=(number, 8, 8, 1)).astype("float32")
    np.savez(tmp_path / "samples.npz", x=x)
    return x


def test_export_compacts_and_compares(run_json, switched, switcher_model, tmp_path):
    found = run_json("export", switched, "-o", "small.tflite")
    assert (found["format"], found["precision"], found["quantize"]) == ("litert", None, None)
    assert found["difference"] < 1e-5
    assert found["size"] == (tmp_path / "small.tflite").stat().st_size
    x = samples(tmp_path)
    np.testing.assert_allclose(
        ks.ExportedModel("small.tflite").predict(x), switcher_model.predict(x, verbose=0), atol=1e-5
    )


def test_export_in_8_bits_takes_samples(run, run_json, saved, tmp_path):
    samples(tmp_path)
    whole = run_json("export", saved, "-o", "whole.tflite")
    small = run_json("export", saved, "-o", "int8.tflite", "--int8", "--data", "samples.npz")
    assert whole["difference"] < small["difference"] < 0.2
    code, _, err = run("export", saved, "-o", "other.tflite", "--int8")
    assert code == 2
    assert "needs --data" in err


def test_export_leaves_what_exists_and_nothing_where_it_fails(run, saved, tmp_path):
    (tmp_path / "there.tflite").write_text("precious")
    code, _, err = run("export", saved, "-o", "there.tflite")
    assert code == 2
    assert "there.tflite exists and was left as it is. Pass another --out." in err
    assert (tmp_path / "there.tflite").read_text() == "precious"
    code, _, err = run("export", saved, "-o", "out.tflite", "--format", "flash")
    assert code == 2
    assert "--format must be one of" in err
    assert not (tmp_path / "out.tflite").exists()


def test_verify_tells_equal_from_different_files(run, run_json, saved, switched, tmp_path):
    run_json("compact", switched, "-o", "small.keras")
    run_json("export", switched, "-o", "served", "--format", "saved_model")
    samples(tmp_path)
    for other, more in (("small.keras", ()), ("served", ()), ("served", ("--data", "samples.npz"))):
        found = run_json("verify", switched, other, *more)
        assert found["equal"]
        assert found["difference"] < 1e-5
    assert run("verify", "small.keras", "served")[0] == 0
    code, out, _ = run("verify", saved, "small.keras")
    assert code == 1
    assert "differ: by" in out
    code, out, _ = run("verify", saved, "small.keras", "--json")
    assert code == 1
    assert not json.loads(out)["equal"]
    assert run("verify", saved, "small.keras", "--tolerance", 1000)[0] == 0


def test_verify_needs_one_that_knows_its_inputs_or_data(run, run_json, saved, tmp_path):
    run_json("export", saved, "-o", "one", "--format", "saved_model")
    run_json("export", saved, "-o", "two.tflite")
    code, _, err = run("verify", "one", "two.tflite")
    assert code == 2
    assert "--data" in err
    samples(tmp_path)
    assert run("verify", "one", "two.tflite", "--data", "samples.npz")[0] == 0


def test_networks_with_other_outputs_differ(run, saved, tmp_path):
    inputs = keras.Input((8, 8, 1), name="images")
    other = keras.Model(inputs, keras.layers.Flatten()(inputs))
    other.save(tmp_path / "other.keras")
    code, out, _ = run("verify", saved, "other.keras")
    assert code == 1
    assert "other shapes" in out


def test_several_inputs_are_matched_by_name(run, tmp_path):
    first, second = keras.Input((3,), name="first"), keras.Input((3,), name="second")
    dense = keras.layers.Dense(2)
    keras.Model([first, second], dense(first - 2 * second)).save(tmp_path / "one.keras")
    keras.Model([second, first], dense(first - 2 * second)).save(tmp_path / "two.keras")
    assert run("verify", "one.keras", "two.keras")[0] == 0


@pytest.mark.parametrize("out", ["file.tflite", "folder"])
def test_several_outputs_are_matched_by_name_or_by_their_order(run, run_json, out):
    x = keras.Input((4,), name="x")
    hidden = keras.layers.Dense(6, name="hidden")(x)
    # Their names are in another order than they.
    outputs = [keras.layers.Dense(2, name="zeros")(hidden), keras.layers.Dense(3, name="a")(hidden)]
    keras.Model(x, outputs).save("two.keras")
    format = "litert" if out.endswith("tflite") else "saved_model"
    run_json("export", "two.keras", "-o", out, "--format", format)
    assert run("verify", "two.keras", out)[0] == 0
    assert run("verify", out, "two.keras")[0] == 0


def test_outputs_that_cannot_be_told_apart_are_not_compared(run, run_json, tmp_path):
    """LiteRT sorts names, a SavedModel has numbers: neither tells which of two outputs is which."""
    x = keras.Input((4,), name="x")
    outputs = [keras.layers.Dense(3, name=name)(x) for name in ("z", "a")]
    keras.Model(x, outputs).save("two.keras")
    run_json("export", "two.keras", "-o", "two.tflite")
    run_json("export", "two.keras", "-o", "folder", "--format", "saved_model")
    np.save(tmp_path / "x.npy", np.ones((2, 4), "float32"))
    code, _, err = run("verify", "two.tflite", "folder", "--data", "x.npy")
    assert code == 2
    assert "is not known: a, z; output_0, output_1" in err


def test_nothing_is_the_same_of_no_samples_or_no_numbers(run, run_json, saved, model, tmp_path):
    run_json("export", saved, "-o", "one.tflite")
    run_json("export", saved, "-o", "folder", "--format", "saved_model")
    for samples, said in (
        (np.zeros((0, 8, 8, 1)), "holds no samples"),
        (np.full((2, 8, 8, 1), np.nan), "must be finite numbers"),
        (np.ones((2, 8, 8)), "reads 'images' in the shape (None, 8, 8, 1)"),
    ):
        np.save(tmp_path / "x.npy", samples)
        code, _, err = run("verify", "folder", "one.tflite", "--data", "x.npy")
        assert code == 2
        assert said in err
    model.layers[-1].bias.assign([np.nan, 0, 0])
    model.save("nan.keras")
    code, out, _ = run("verify", "nan.keras", "nan.keras")
    assert code == 1
    assert "not finite" in out
    with pytest.warns(UserWarning, match="returns NaN on random inputs"):
        ks.export_model(model, "nan.tflite", "litert")


def test_bench_times_files_in_turn(run, run_json, saved):
    run_json("export", saved, "-o", "small.tflite")
    found = run_json("bench", saved, "small.tflite", "--rounds", 3, "--batch", 2)
    first, second = found["files"]
    assert [first["file"], second["file"]] == [str(saved), "small.tflite"]
    assert first["ratio"] == first["ratio_least"] == 1
    for row in (first, second):
        assert 0 < row["least"] <= row["milliseconds"] <= row["largest"]
        assert row["ratio_least"] <= row["ratio"] <= row["ratio_largest"]
    code, out, _ = run("bench", saved, "small.tflite", "--rounds", 3)
    assert code == 0
    assert "times the first" in out
    code, _, err = run("bench", "small.tflite")
    assert code == 2
    assert "add the .keras file" in err
