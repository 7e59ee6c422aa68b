"""What other backends than TensorFlow write is run and compared, too, and has the same names."""

import keras
import numpy as np
import pytest
from helpers.checks import with_random_weights
from helpers.formats import SUFFIXES
from keras import layers, ops

from keras_switcher import ExportedModel, SwitcherModel
from keras_switcher.switchers import FreeFactors


def task():
    image, more = keras.Input((8, 8, 4), name="image"), keras.Input((3,), name="extra")
    x = layers.Normalization(mean=np.arange(4.0), variance=np.full(4, 2.0))(image)
    x = layers.Conv2D(8, 3, groups=2, activation="gelu", name="grouped")(x)
    x = layers.GlobalAveragePooling2D()(layers.BatchNormalization()(x))
    x = layers.Dense(6, "relu", name="hidden")(layers.Concatenate()([x, more]))
    outputs = [layers.Dense(2, name="zeros")(x), layers.Dense(3, name="ends")(x)]
    return with_random_weights(keras.Model([image, more], outputs))


@pytest.mark.filterwarnings("ignore")  # Of exporters, which each backend has more of.
@pytest.mark.parametrize(
    "format",
    [
        pytest.param(
            "tf_saved_model",
            marks=pytest.mark.only("jax", reason="PyTorch writes none."),
        ),
        pytest.param("onnx", marks=pytest.mark.only("torch", reason="JAX needs jax2onnx.")),
        pytest.param(
            "openvino", marks=pytest.mark.only("torch", reason="JAX's cannot be converted.")
        ),
    ],
)
def test_a_file_of_another_backend_computes_what_the_gated_network_does(format, tmp_path):
    runtime = {"tf_saved_model": "tensorflow", "onnx": "onnxruntime"}.get(format, format)
    pytest.importorskip(runtime)
    model = SwitcherModel(task(), FreeFactors("half_zeros", seed=0), groups=["grouped"])
    path = tmp_path / f"small{SUFFIXES[format]}"
    assert model.export(path, format).difference < 1e-5
    rng = np.random.default_rng(0)
    x = {"image": rng.normal(size=(3, 8, 8, 4)), "extra": rng.normal(size=(3, 3))}
    x = {name: values.astype("float32") for name, values in x.items()}
    file = ExportedModel(path)
    names = ["output_0", "output_1"] if format == "tf_saved_model" else ["zeros", "ends"]
    assert (set(file.inputs), set(file.outputs)) == (set(x), set(names))
    for name, each in zip(names, model([x["image"], x["extra"]]), strict=True):
        expected = ops.convert_to_numpy(each)
        difference = np.abs(file.predict(x)[name] - expected).max() / np.abs(expected).max()
        assert difference < 1e-5


@pytest.mark.only("torch", reason="Others do not know the format.")
def test_a_format_that_nothing_here_runs(tmp_path):
    with pytest.raises(ValueError, match="Nothing here runs files of the format 'torch'"):
        SwitcherModel(task()).export(tmp_path / "small.pt2", "torch")
    assert not list(tmp_path.iterdir())
