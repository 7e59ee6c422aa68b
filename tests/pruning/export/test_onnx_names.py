"""Outputs of ONNX files have the network's names, whatever the tensors inside are called."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_switcher import ExportedModel, export_model
from keras_switcher.pruning.export.onnx_names import name_outputs_of_onnx

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def test_an_input_that_is_passed_on_leaves_other_outputs_their_names(tmp_path):
    pytest.importorskip("tf2onnx")
    x = keras.Input((4,), name="x")
    y = layers.Dense(3, name="head")(x)
    export_model(keras.Model(x, [y, x]), tmp_path / "file.onnx", "onnx", verbose=False)
    file = ExportedModel(tmp_path / "file.onnx")
    assert file.outputs == ["head", "x_1"]
    values = np.ones((2, 4), "float32")
    np.testing.assert_array_equal(file.predict(values)["x_1"], values)


def test_tensors_inside_give_way_also_within_a_branch(tmp_path):
    """`scores` and `scores_1` are inside; the branches of an If read the first of them."""
    make, tensor = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    real = onnx.TensorProto.FLOAT

    def branch(operation):
        node = make(operation, ["scores"], ["of_branch"])
        return onnx.helper.make_graph([node], operation, [], [tensor("of_branch", real, None)])

    nodes = [
        make("Neg", ["x"], ["scores"]),
        make("Neg", ["scores"], ["scores_1"]),
        make("If", ["flag"], ["y"], then_branch=branch("Abs"), else_branch=branch("Neg")),
    ]
    ends = [tensor("x", real, [2]), tensor("flag", onnx.TensorProto.BOOL, [])]
    made = [tensor("y", real, None), tensor("scores_1", real, [2]), tensor("x", real, [2])]
    graph = onnx.helper.make_graph(nodes, "graph", ends, made)
    opset = [onnx.helper.make_opsetid("", 17)]
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8)
    onnx.save(model, tmp_path / "file.onnx")

    name_outputs_of_onnx(tmp_path / "file.onnx", ["scores", "twice", "same"])

    file = ExportedModel(tmp_path / "file.onnx")
    assert file.outputs == ["scores", "twice", "same"]
    x = np.array([1, -2], "float32")
    for flag, expected in ((True, abs(x)), (False, x)):
        found = file({"x": x, "flag": np.array(flag)})
        np.testing.assert_array_equal(found["scores"], expected)
        np.testing.assert_array_equal(found["twice"], x)
        np.testing.assert_array_equal(found["same"], x)
