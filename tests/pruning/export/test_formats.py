"""What is exported runs in its format's own runtime and computes the same, or nothing is left."""

import keras
import numpy as np
import pytest
from helpers.checks import with_random_weights
from helpers.formats import FORMATS, REFUSED, SUFFIXES, TAKEN, chain, one_of
from helpers.toys import convnet
from keras import layers, ops

from keras_switcher import ExportedModel, SwitcherModel, export_model
from keras_switcher.pruning.export import exporting
from keras_switcher.switchers import FreeFactors

pytestmark = pytest.mark.only("tensorflow", reason="It writes all formats by TensorFlow.")


def relative(actual, expected):
    expected = ops.convert_to_numpy(expected)
    return np.abs(np.asarray(actual) - expected).max() / np.abs(expected).max()


def inputs_of(model, samples=3):
    rng = np.random.default_rng(1)
    shape = (samples, *model.input.shape[1:])
    if "int" in model.input.dtype:
        return rng.integers(10, size=shape).astype(model.input.dtype)
    return rng.normal(size=shape).astype("float32")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("make", TAKEN.values(), ids=list(TAKEN))
def test_networks_that_all_formats_take(make, format, tmp_path):
    model = with_random_weights(make())
    path = tmp_path / f"small{SUFFIXES[format]}"
    report = export_model(model, path, format)
    assert report.difference < 1e-5
    for samples in (1, 3):  # In a run of its own: what the report says is true.
        x = inputs_of(model, samples)
        assert relative(ExportedModel(path)(x), model(x)) < 1e-5


@pytest.mark.parametrize(
    ("format", "make", "cause"),
    [pytest.param(*case, marks=one_of(case[0]).marks) for case in REFUSED.values()],
    ids=list(REFUSED),
)
def test_networks_that_a_format_does_not_take(format, make, cause, tmp_path):
    model = with_random_weights(make())
    path = tmp_path / f"small{SUFFIXES[format]}"
    with pytest.raises(ValueError, match=f"{cause}.*Nothing was written"):
        export_model(model, path, format)
    assert not list(tmp_path.iterdir())
    report = export_model(model, path, format, verify=False)
    assert path.exists()
    assert report.difference is None


def test_what_stands_in_for_layers_that_a_format_does_not_take(tmp_path):
    pytest.importorskip("onnxruntime")
    openvino = pytest.importorskip("openvino")
    groups = chain(layers.Conv2D(8, 3, groups=2, dilation_rate=2), layers.Activation("log_softmax"))
    path = tmp_path / "small.onnx"
    export_model(groups, path, "onnx")
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    read = openvino.Core().compile_model(str(path), "CPU", settings)
    x = inputs_of(groups)
    assert relative(read(x)[0], groups(x)) < 1e-5  # OpenVINO reads ONNX, too.
    inputs = keras.Input((5, 5, 5, 4), name="image")
    halves = inputs[..., :2], inputs[..., 2:]
    outputs = layers.Concatenate()([layers.Conv3D(4, 3)(half) for half in halves])
    for format in ("litert", "onnx"):
        path = tmp_path / f"three{SUFFIXES[format]}"
        assert export_model(keras.Model(inputs, outputs), path, format).difference < 1e-5


def test_recurrent_layers_for_one_sample_at_a_time(tmp_path):
    model = chain(layers.LSTM(3), shape=(6, 4))
    spec = keras.InputSpec(shape=(1, 6, 4), dtype="float32", name="image")
    path = tmp_path / "small.tflite"
    assert export_model(model, path, "litert", input_signature=[spec]).difference < 1e-5
    x = inputs_of(model, 3)
    assert relative(ExportedModel(path)(x), model(x)) < 1e-5  # One after the other.


@pytest.mark.parametrize("format", FORMATS)
def test_open_sizes_are_those_of_the_signature(format, tmp_path):
    model = chain(layers.Conv2D(3, 3), layers.GlobalAveragePooling2D(), shape=(None, None, 2))
    spec = keras.InputSpec(shape=(None, 9, 7, 2), dtype="float32", name="image")
    path = tmp_path / f"small{SUFFIXES[format]}"
    assert export_model(model, path, format, input_signature=[spec]).difference < 1e-5
    x = np.random.default_rng(0).normal(size=(2, 9, 7, 2)).astype("float32")
    assert relative(ExportedModel(path)(x), model(x)) < 1e-5


def several():
    """Inputs and outputs whose names are in another order than they."""
    one, two = keras.Input((4,), name="later"), keras.Input((3,), name="earlier")
    both = layers.Concatenate()([one, two])
    outputs = [layers.Dense(2, name="zeros")(both), layers.Dense(3, name="ends")(both)]
    return one, two, outputs


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("as_dict", [False, True])
def test_names_of_inputs_and_outputs_are_kept(format, as_dict, tmp_path):
    one, two, (zeros, ends) = several()
    inputs = {"later": one, "earlier": two} if as_dict else [one, two]
    outputs = {"zeros": zeros, "ends": ends} if as_dict else [zeros, ends]
    task = with_random_weights(keras.Model(inputs, outputs))
    model = SwitcherModel(task, FreeFactors("one"))
    path = tmp_path / f"small{SUFFIXES[format]}"
    assert model.export(path, format).difference < 1e-5
    file = ExportedModel(path)
    names = ["zeros", "ends"]
    if format == "tf_saved_model" and not as_dict:
        names = ["output_0", "output_1"]  # Keras's own, which `serve` returns in a list.
    assert set(file.inputs) == {"later", "earlier"}
    assert set(file.outputs) == set(names)
    x = {"earlier": np.ones((2, 3), "float32"), "later": np.eye(2, 4, dtype="float32")}
    expected = task(x if as_dict else [x["later"], x["earlier"]])
    expected = [expected["zeros"], expected["ends"]] if as_dict else expected
    for name, each in zip(names, expected, strict=True):
        assert relative(file.predict(x)[name], each) < 1e-5
    with pytest.raises(ValueError, match="Pass a dict with an array for each"):
        file.predict(x["later"])
    with pytest.raises(ValueError, match=r"Expected arrays for the inputs.*Received: \['later'\]"):
        file.predict({"later": x["later"]})


@pytest.mark.parametrize("format", FORMATS)
def test_the_file_computes_what_the_gated_network_does(format, tmp_path):
    task = with_random_weights(convnet())
    model = SwitcherModel(task, FreeFactors("half_zeros", seed=0))
    path = tmp_path / f"small{SUFFIXES[format]}"
    assert model.export(path, format).difference < 1e-5
    x = np.random.default_rng(0).normal(size=(4, 8, 8, 1)).astype("float32")
    assert relative(ExportedModel(path)(x), model(x)) < 1e-5
    assert relative(task(x), model(x)) > 1e-2


@pytest.mark.parametrize("format", FORMATS)
def test_a_sequential_model(format, tmp_path):
    model = with_random_weights(convnet())
    path = tmp_path / f"small{SUFFIXES[format]}"
    assert export_model(model, path, format).difference < 1e-5
    x = np.random.default_rng(0).normal(size=(4, 8, 8, 1)).astype("float32")
    assert relative(ExportedModel(path)(x), model(x)) < 1e-5


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_that_computes_something_else_is_not_left(format, tmp_path, monkeypatch):
    write = exporting._write

    def write_another(model, *args):
        another = keras.models.clone_model(model)
        another.set_weights([1.001 * weight for weight in model.get_weights()])
        write(another, *args)

    monkeypatch.setattr(exporting, "_write", write_another)
    model = SwitcherModel(with_random_weights(convnet()))
    path = tmp_path / f"small{SUFFIXES[format]}"
    with pytest.raises(ValueError, match=r"differ by \d\.\de-0\d of the largest.*Nothing was"):
        model.export(path, format)
    assert not list(tmp_path.iterdir())
    model.export(path, format, verify=False)
    assert path.exists()


def test_a_network_that_draws_random_numbers_is_not_compared(tmp_path):
    class Noise(layers.Layer):
        def call(self, x):
            return x + keras.random.normal(ops.shape(x), seed=self.seeds)

        def build(self, shape):
            self.seeds = keras.random.SeedGenerator(0)

    model = chain(layers.Dense(2), Noise(), shape=(4,))
    with pytest.warns(UserWarning, match="exported file could not be compared.*draws numbers"):
        assert export_model(model, tmp_path / "small").difference is None


@pytest.mark.parametrize("format", FORMATS)
def test_numbers_are_cast_as_keras_casts_them(format, tmp_path):
    path = tmp_path / f"small{SUFFIXES[format]}"
    model = with_random_weights(chain(layers.Dense(2), shape=(4,)))
    export_model(model, path, format)
    x = np.arange(12).reshape(3, 4)
    for dtype in ("float64", "int64", "uint8"):
        assert relative(ExportedModel(path)(x.astype(dtype)), model(x.astype("float32"))) < 1e-5
    names = tmp_path / f"names{SUFFIXES[format]}"
    table = with_random_weights(chain(layers.Embedding(10, 4), shape=(4,), dtype="int32"))
    export_model(table, names, format)
    assert relative(ExportedModel(names)(x % 10), table(x % 10)) < 1e-5


def test_what_is_no_exported_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="There is nothing at"):
        ExportedModel(tmp_path / "none.onnx")
    (tmp_path / "small.bytes").write_bytes(b"?")
    with pytest.raises(ValueError, match="does not tell its format"):
        ExportedModel(tmp_path / "small.bytes")


def test_arrays_that_do_not_fit_are_refused(tmp_path):
    export_model(chain(layers.Dense(2), shape=(4,)), tmp_path / "small")
    with pytest.raises(ValueError, match="as many samples, and at least one"):
        ExportedModel(tmp_path / "small").predict(np.ones((0, 4), "float32"))


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_that_is_broken_is_named(format, tmp_path):
    path = tmp_path / f"broken{SUFFIXES[format]}"
    file = path / "saved_model.pb" if format == "tf_saved_model" else path
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"no model")
    with pytest.raises(ValueError, match=f"broken.* cannot be opened as a file of .*'{format}'"):
        ExportedModel(path)


@pytest.mark.parametrize("format", FORMATS)
def test_arrays_of_another_shape_are_refused(format, tmp_path):
    """TensorFlow ends the process where the number of axes is another one."""
    path = tmp_path / f"small{SUFFIXES[format]}"
    export_model(chain(layers.Dense(2), shape=(3, 4)), path, format)
    file = ExportedModel(path)
    for shape in ((2, 3), (2, 3, 4, 1), (2, 3, 5), (3, 4)):
        with pytest.raises(ValueError, match=r"in the shape \(None, 3, 4\).*Received"):
            file(np.ones(shape, "float32"))
    with pytest.raises(ValueError, match="`batch_size` must be a positive integer"):
        file.predict(np.ones((2, 3, 4), "float32"), batch_size=0)


def test_names_that_tensorflow_does_not_take_are_named(tmp_path):
    model = chain(layers.Dense(2, name="größe"), shape=(4,))
    with pytest.raises(ValueError, match="does not take 'größe' for the name"):
        export_model(model, tmp_path / "small")
    assert not list(tmp_path.iterdir())


def test_what_is_no_network_of_its_own_is_refused(tmp_path):
    task = chain(layers.Dense(3), layers.Dense(2), shape=(4,))
    with pytest.raises(ValueError, match="its attribute `task`"):
        export_model(SwitcherModel(task), tmp_path / "small")
    with pytest.raises(ValueError, match="Expected a Functional or Sequential"):
        export_model("model", tmp_path / "small")
