"""Outputs in any structure come back from a file by name, in the network's order."""

import keras
import numpy as np
import pytest
from helpers.checks import with_random_weights
from helpers.formats import FORMATS, SUFFIXES, one_of
from keras import layers, ops, tree

from keras_switcher import Budget, ExportedModel, SwitcherModel, export_model, latency, prune
from keras_switcher.switchers import FreeFactors

pytestmark = pytest.mark.only("tensorflow", reason="It writes all formats by TensorFlow.")

# Of an input and two tensors that the network makes: a tensor may be there twice.
FLAT = {
    "twice in a list": lambda x, y, z: [y, y],
    "twice in a dict": lambda x, y, z: {"b": y, "a": y},
    "twice among others": lambda x, y, z: [z, y, z],
    "an input, twice": lambda x, y, z: [x, y, x],
    "an input, twice in a dict": lambda x, y, z: {"c": x, "b": y, "a": x},
    "more than ten": lambda x, y, z: [y, z] * 6,
}
# Outputs with the name of the input, which is another tensor, or the same.
NAMED_AS_INPUTS = {
    "one": lambda x, y, z: {"x": y},
    "beside others": lambda x, y, z: {"x": y, "b": z},
    "beside the next name": lambda x, y, z: {"x": y, "x_1": z},
    "twice": lambda x, y, z: {"x": y, "y": y},
    "the input itself": lambda x, y, z: {"x": x, "y": y},
    "the input itself, alone": lambda x, y, z: [x],
    "the input itself, in a list": lambda x, y, z: [y, x],
}
NESTED = {
    "a list within": lambda x, y, z: [[z, y], y],
    "a dict within": lambda x, y, z: {"q": {"s": z, "r": y}, "p": y},
}


def network(outputs):
    x = keras.Input((4,), name="x")
    hidden = layers.Dense(6, "relu", name="hidden")(x)
    y, z = layers.Dense(3, name="head")(hidden), layers.Dense(2, name="ahead")(hidden)
    return with_random_weights(keras.Model(x, outputs(x, y, z), name="network"))


def samples():
    return np.random.default_rng(1).normal(size=(5, 4)).astype("float32")


def exported(model, format, tmp_path):
    """A network's file, which is as exact as any."""
    path = tmp_path / f"file{SUFFIXES[format]}"
    assert export_model(model, path, format).difference < 1e-5
    return ExportedModel(path)


def check_predicts(file, model):
    """What it predicts is what the model does, in its order."""
    assert file.inputs == ["x"]
    made = file.predict(samples(), batch_size=2)
    made = made if isinstance(made, dict) else {file.outputs[0]: made}
    assert list(made) == file.outputs
    expected = tree.flatten(model.output)
    assert len(made) == len(expected)
    for value, each in zip(made.values(), tree.flatten(model(samples())), strict=True):
        np.testing.assert_allclose(value, ops.convert_to_numpy(each), atol=1e-5)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("outputs", FLAT.values(), ids=list(FLAT))
def test_a_tensor_may_be_several_outputs(outputs, format, tmp_path):
    model = network(outputs)
    file = exported(model, format, tmp_path)
    numbered = [f"output_{number}" for number in range(len(model.outputs))]
    keys = sorted(model.output) if isinstance(model.output, dict) else numbered
    assert file.outputs == keys
    check_predicts(file, model)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("outputs", NAMED_AS_INPUTS.values(), ids=list(NAMED_AS_INPUTS))
def test_an_output_may_have_the_name_of_an_input(outputs, format, tmp_path):
    """Where all tensors of a file share one set of names, it has the next one that is free."""
    model = network(outputs)
    file = exported(model, format, tmp_path)
    assert len(set(file.outputs)) == len(model.outputs)
    if format in ("onnx", "openvino"):
        assert "x" not in file.outputs
    elif isinstance(model.output, dict):
        assert file.outputs == sorted(model.output)
    check_predicts(file, model)


@pytest.mark.parametrize("format", FORMATS[1:])
@pytest.mark.parametrize("as_dict", [False, True])
def test_more_than_ten_outputs_are_in_their_order(as_dict, format, tmp_path):
    def outputs(x, y, z):
        made = [layers.Dense(2 + place % 3, name=f"q{place}")(y) for place in range(12)]
        return {f"q{place}": each for place, each in enumerate(made)} if as_dict else made

    model = network(outputs)
    made = exported(model, format, tmp_path).predict(samples())
    names = [f"q{place}" for place in range(12)]
    # Keras sorts the keys of a dict, and files in LiteRT all names.
    assert list(made) == (sorted(names) if as_dict or format == "litert" else names)
    expected = model(samples())
    for place, name in enumerate(names):
        value = ops.convert_to_numpy(expected[name if as_dict else place])
        np.testing.assert_allclose(made[name], value, atol=1e-5)


@pytest.mark.parametrize("format", FORMATS)
def test_keys_that_look_like_numbers_are_in_the_network_s_order(format, tmp_path):
    model = network(lambda x, y, z: {"output_9": y, "output_10": z})
    check_predicts(exported(model, format, tmp_path), model)


@pytest.mark.parametrize("format", FORMATS[1:])
@pytest.mark.parametrize("outputs", NESTED.values(), ids=list(NESTED))
def test_outputs_within_outputs_are_numbered(outputs, format, tmp_path):
    model = network(outputs)
    check_predicts(exported(model, format, tmp_path), model)


@pytest.mark.parametrize("outputs", NESTED.values(), ids=list(NESTED))
def test_a_saved_model_has_no_outputs_within_outputs(outputs, tmp_path):
    with pytest.raises(ValueError, match=r"keras\.tree\.flatten\(model\.output\)"):
        export_model(network(outputs), tmp_path / "folder")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("outputs", [*FLAT.values(), *NESTED.values()], ids=[*FLAT, *NESTED])
def test_smaller_networks_keep_the_structure(outputs):
    model = network(outputs)
    small = prune(model, Budget(0.6))
    switched = SwitcherModel(model, FreeFactors("half_zeros", seed=0))
    for each in (small, switched.compact()):
        tree.assert_same_structure(each(samples()), model(samples()))
    for a, b in zip(
        tree.flatten(switched(samples())), tree.flatten(switched.compact()(samples())), strict=True
    ):
        np.testing.assert_allclose(ops.convert_to_numpy(a), ops.convert_to_numpy(b), atol=1e-5)


@pytest.mark.filterwarnings("ignore:The sum over its layers")  # So small a network is noise.
@pytest.mark.parametrize("format", FORMATS[1:])
def test_its_time_is_measured(format):
    model = network(FLAT["twice in a dict"])
    assert latency.measure(model, format, verbose=False).milliseconds(model) > 0


@pytest.mark.parametrize("format", [one_of("openvino")])
def test_names_in_a_file_lead_to_its_tensors(format, tmp_path):
    openvino = pytest.importorskip("openvino")
    model = network(FLAT["an input, twice in a dict"])
    export_model(model, tmp_path / "file.xml", format)
    compiled = openvino.Core().compile_model(str(tmp_path / "file.xml"), "CPU")
    made = compiled({"x": samples()})
    np.testing.assert_array_equal(made["a"], samples())
    np.testing.assert_array_equal(made["c"], samples())
