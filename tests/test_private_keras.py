"""What the package needs of Keras's and TensorFlow's private attributes, one test for each.

None of them is promised: a new version may change them. Then the test that has its name fails, and
says what was relied on.
"""

import ast
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops
from keras.src.backend.common import global_state, masking
from keras.src.ops.node import Node

import keras_switcher
from keras_switcher.pruning.export.packages import litert_interpreter
from keras_switcher.pruning.replicas.holding import KERAS_SAVEABLE
from keras_switcher.pruning.replicas.sharing import Sharing

tf = pytest.importorskip("tensorflow")
pytestmark = pytest.mark.only("tensorflow", reason="It names private attributes of TensorFlow.")


def dense(**kwargs):
    """A built Dense layer."""
    layer = layers.Dense(2, **kwargs)
    layer.build((None, 3))
    return layer


def built(**kwargs):
    """An optimizer, and the two variables that it was built with."""
    optimizer, variables = keras.optimizers.AdamW(**kwargs), dense().variables
    optimizer.build(variables)
    return optimizer, variables


def compiled():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    model.compile(loss="mse", metrics=["mae"], run_eagerly=True)
    return model


def kept_in(layer, *names):
    """Makes sure that a layer has attributes of these names among its own."""
    missing = set(names) - set(vars(layer))
    assert not missing, f"{type(layer).__name__} has no attribute {missing} any more"


def test_each_private_attribute_in_use_has_a_test():
    named = Path(__file__).read_text()
    for path in Path(keras_switcher.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
                own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
                public = node.attr.startswith("__")
                assert own or public or f"{node.attr}`" in named, f"{node.attr} in {path.name}"


def test_clear_losses():
    """`_clear_losses`: what a layer has added in a call is forgotten, within it, too."""
    outer = keras.Sequential([keras.Input((3,)), layers.ActivityRegularization(l2=1.0)])
    outer(np.ones((2, 3)))
    assert len(outer.losses) == 1, "_clear_losses"
    outer._clear_losses()
    assert outer.losses == [], "_clear_losses"


def test_flatten_layers():
    """`_flatten_layers`: a layer, then those in it, also where no model holds them."""
    inner = dense()
    around = layers.TimeDistributed(inner)
    outer = keras.Sequential([around])
    assert outer._flatten_layers() == [outer, around, inner], "_flatten_layers"
    assert outer._flatten_layers(include_self=False) == [around, inner], "_flatten_layers"
    only_next = outer._flatten_layers(include_self=False, recursive=False)
    assert only_next == [around], "_flatten_layers"
    assert inner._flatten_layers() == [inner], "_flatten_layers"


def test_flatten_metrics_in_order(monkeypatch):
    """`_flatten_metrics_in_order`: by it evaluate() makes a list of its results."""
    monkeypatch.setattr(keras.Model, "_flatten_metrics_in_order", lambda self, logs: sorted(logs))
    results = compiled().evaluate(np.ones((2, 3)), np.ones((2, 1)), verbose=0)
    assert results == ["loss", "mae"], "_flatten_metrics_in_order"


def test_keras_history():
    """`_keras_history`: where a tensor comes from; an optional input says so nowhere else."""
    for optional in (True, False):
        tensor = keras.Input((3,), optional=optional)
        assert tensor._keras_history.operation.optional is optional, "_keras_history"


def test_what_calls_of_a_layer_change():
    """`_non_trainable_variables`, `_seed_generators`: what it changes, though it be frozen."""
    norm, drop = layers.BatchNormalization(), layers.Dropout(0.5)
    norm.build((None, 3))
    norm.trainable = False
    statistics = [norm.moving_mean, norm.moving_variance]
    kept = list(map(id, norm._non_trainable_variables))
    assert kept == list(map(id, statistics)), "_non_trainable_variables"
    assert drop._seed_generators == [drop.seed_generator], "_seed_generators"


def test_masking():
    """`get_keras_mask` and `set_keras_mask` in keras.src: what layers look for, and hand on."""
    masked = layers.Masking()(keras.Input((5, 3)))
    assert masking.get_keras_mask(masked).shape == (None, 5), "get_keras_mask"
    handed = masking.get_keras_mask(layers.Dense(2)(masked))
    assert handed is masking.get_keras_mask(masked), "get_keras_mask"
    masking.set_keras_mask(masked, None)
    assert masking.get_keras_mask(layers.Dense(2)(masked)) is None, "set_keras_mask"


def test_trainable_variables_of_an_optimizer():
    """`_trainable_variables`: what an optimizer was built with, though it be frozen since."""
    optimizer, variables = built()
    variables[0].trainable = False
    assert list(map(id, optimizer._trainable_variables)) == list(map(id, variables)), (
        "_trainable_variables"
    )


def test_use_weight_decay():
    """`_use_weight_decay`: which weights a user has told an optimizer to let decay."""
    optimizer, (kernel, bias) = keras.optimizers.AdamW(), dense().variables
    optimizer.exclude_from_weight_decay([bias])
    decay = [optimizer._use_weight_decay(variable) for variable in (kernel, bias)]
    assert decay == [True, False], "_use_weight_decay"


def test_model_variables_moving_average():
    """`_model_variables_moving_average`: the averages of weights, in their order."""
    optimizer, variables = built(use_ema=True)
    averages = optimizer._model_variables_moving_average
    assert [a.shape for a in averages] == [v.shape for v in variables], (
        "_model_variables_moving_average"
    )


def test_initial_epoch():
    """`_initial_epoch`: the epoch from which a callback lets fit() go on."""

    class FromOne(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.model._initial_epoch = 1

    x, y = np.ones((2, 3)), np.ones((2, 1))
    history = compiled().fit(x, y, epochs=2, verbose=0, callbacks=[FromOne()])
    assert history.epoch == [1], "_initial_epoch"


def test_current_call_ctx():
    """`current_call_ctx` in keras.src: the outermost layer of those that are being called."""
    found = []

    class Inner(layers.Layer):
        def call(self, x):
            found.append(global_state.get_global_attribute("current_call_ctx").entry_layer)
            return x

    outer = keras.Sequential([Inner()])
    outer(ops.ones((1, 3)))
    assert found[-1] is outer, "current_call_ctx"
    assert global_state.get_global_attribute("current_call_ctx") is None, "current_call_ctx"


def test_tracker():
    """`_tracker`: knows a layer's variables by their ids, also those in its lists and dicts."""
    layer = layers.Dense(2)
    layer.several = [keras.Variable(1.0)]
    layer.build((None, 3))
    kept_in(layer, "_tracker")
    tracker = vars(layer)["_tracker"]
    assert layer.several.tracker is tracker, "_tracker"
    for name, (_, store) in tracker.config.items():
        assert tracker.stored_ids[name] == set(map(id, store)), "_tracker"
    assert len(tracker.stored_ids["trainable_variables"]) == 3, "_tracker"


def test_nodes():
    """`_inbound_nodes` and `_outbound_nodes`: what binds a layer to a graph."""
    first, second = dense(), layers.Dense(2)
    second(first(keras.Input((3,))))
    kept_in(first, "_inbound_nodes", "_outbound_nodes")
    assert len(first._inbound_nodes) == 1, "_inbound_nodes"
    assert len(first._outbound_nodes) == 1, "_outbound_nodes"


def test_losses():
    """`_losses` and `_loss_ids`: what a layer has added when it was called last."""
    layer = dense(activity_regularizer="l2")
    kept_in(layer, "_losses", "_loss_ids")
    layer(ops.ones((1, 3)))
    assert len(layer._losses) == 1, "_losses"


def test_trainable():
    """`_trainable`: that of a model alone, without all that are in it."""
    model = compiled()
    kept_in(model, "_trainable")
    vars(model)["_trainable"] = False
    assert not model.trainable, "_trainable"
    assert model.layers[0].trainable, "_trainable"


def test_wrapped_methods():
    """`build` and `quantize` are attributes of each layer, that would lead a copy to it."""
    kept_in(dense(), "build", "quantize")


def test_auto_config_error_args():
    """`_auto_config_error_args`: of two layers that are alike one may have it."""

    class Several(layers.Layer):
        def __init__(self, *sizes):
            super().__init__()

    kept_in(Several(1, 2), "_auto_config_error_args")
    assert "_auto_config_error_args" not in vars(Several())


@pytest.mark.parametrize(
    "kind", [layers.Layer, keras.Operation, keras.Metric, keras.Loss, keras.optimizers.Optimizer]
)
def test_saveable(kind):
    """`KerasSaveable`: the class of all that pickles itself as a file, and so is copied by us."""
    assert KERAS_SAVEABLE.__name__ == "KerasSaveable"
    assert issubclass(kind, KERAS_SAVEABLE), "KerasSaveable"


def test_backend_of_a_layer():
    """`backend` of a preprocessing layer: it stands for modules, and so is not copied."""
    assert Sharing([]).is_shared(layers.Normalization().backend), "backend"


def test_output_shape_of_a_lambda():
    """`_output_shape`: what a Lambda layer was given, which may be a function."""

    def same(shape):
        return shape

    for given in (same, (2,), None):
        made = layers.Lambda(lambda x: x, output_shape=given)
        assert made._output_shape == given, "_output_shape"


def test_value_of_a_variable():
    """`_value`: the backend's variable itself, also in a scope where another value stands in."""
    variable = keras.Variable([1.0])
    with keras.StatelessScope([(variable, ops.zeros(1))]):
        assert isinstance(variable._value, tf.Variable), "_value"


def test_direct_assign():
    """`_direct_assign`: sets a variable at once, in a scope that keeps assignments from lasting."""
    variable = keras.Variable([1.0])
    with keras.StatelessScope():
        variable._direct_assign(ops.zeros(1))
    assert variable.numpy() == 0, "_direct_assign"


def test_call_context_args():
    """`_call_context_args`: an operation that has it is told by a model whether that trains."""
    told = []

    class Told(keras.Operation):
        def __init__(self):
            super().__init__()
            self._call_context_args = layers.Dense(1)._call_context_args

        def call(self, x, training=None):
            told.append(training)
            return x

        def compute_output_spec(self, x, training=None):
            return keras.KerasTensor(x.shape, x.dtype)

    x = keras.Input((3,))
    model = keras.Model(x, Told()(x))
    for training in (True, False):
        model(ops.ones((1, 3)), training=training)
    assert told == [True, False], "_call_context_args"


def test_projections_of_attention():
    """`_query_dense` and the like: the layers by which attention reads and returns."""
    names = {"_query_dense", "_key_dense", "_value_dense", "_output_dense"}
    grouped = layers.GroupQueryAttention(2, 2, 1, use_gate=True)
    for layer, own in ((layers.MultiHeadAttention(2, 2), set()), (grouped, {"_gate_dense"})):
        layer(keras.Input((4, 3)), keras.Input((4, 3)))
        kept_in(layer, *names, *own)
        found = {name for name, value in vars(layer).items() if hasattr(value, "kernel")}
        assert found == names | own, "_query_dense"


def test_handle_data():
    """`_handle_data`, of TensorFlow: handles of variables know their shapes, others have none."""
    handle = tf.Variable([1.0, 2.0]).handle
    (kept,) = handle._handle_data.shape_and_type
    assert [axis.size for axis in kept.shape.dim] == [2], "_handle_data"
    assert hasattr(type(handle), "_handle_data")
    assert tf.constant(1.0)._handle_data is None, "_handle_data"


def test_clone_of_a_function():
    """`_clone`, of TensorFlow: a function with the same options that was never traced."""
    traced = tf.function(lambda x: x + 1, reduce_retracing=True)
    traced(1)
    fresh = traced._clone(None)
    assert fresh.python_function is traced.python_function, "_clone"
    assert fresh.experimental_get_tracing_count() == 0, "_clone"


def test_operations_of_a_litert_file(tmp_path):
    """`_get_ops_details`, of LiteRT: names of operations; those of TensorFlow begin with Flex."""
    inputs = keras.Input((3,))
    model = keras.Model(inputs, layers.Dense(2)(ops.erf(inputs)))
    keras_switcher.export_model(model, tmp_path / "small.tflite", "litert", verify=False)
    interpreter = litert_interpreter(str(tmp_path / "small.tflite"))
    names = [details["op_name"] for details in interpreter._get_ops_details()]
    assert {"FlexErf", "FULLY_CONNECTED"} <= set(names), "_get_ops_details"


def test_self_of_tensorflow():
    """`_self_` begins the names by which TensorFlow keeps its books of a layer."""
    layer = layers.Dense(2)
    before = set(vars(layer))
    keras.Sequential([layer])(ops.ones((1, 3)))
    books = {name for name in set(vars(layer)) - before if "checkpoint" in name}
    assert books, "_self_"
    assert all(name.startswith("_self_") for name in books), "_self_"


def test_what_a_call_of_a_layer_begins_with():
    """`_assert_input_compatibility`, `_get_call_context`, `_call_signature`: what it is told."""

    class Trains(layers.Layer):
        def call(self, x, training=True):
            contexts.append(self._get_call_context())
            return x

    contexts, layer = [], Trains()
    layer(np.ones((2, 3)))
    assert contexts[0].get_value("training") is True, "_get_call_context"
    assert layer._call_signature.parameters["training"].default is True, "_call_signature"
    with pytest.raises(ValueError, match="incompatible"):
        dense()._assert_input_compatibility(keras.KerasTensor((None, 4)))


def test_which_arguments_of_the_context_a_layer_takes():
    """`_call_has_context_arg`: whether call() takes `training`."""
    for layer, takes in ((layers.Dropout(0.5), True), (layers.Flatten(), False)):
        assert layer._call_has_context_arg["training"] is takes, "_call_has_context_arg"


def test_nodes_and_the_context_of_calls():
    """`Node` and `current_call_ctx`, which have no public name: see `light_calls`, `StandIns`."""
    layer, x = dense(), keras.KerasTensor((None, 3))
    Node(operation=layer, call_args=(x,), call_kwargs={}, outputs=keras.KerasTensor((None, 2)))
    assert len(layer._inbound_nodes) == 1, "Node"
    told = []

    class Notes(layers.Layer):
        def call(self, x):
            told.append(global_state.get_global_attribute("current_call_ctx").training)
            return x

    Notes()(np.ones((2, 3)), training=True)
    assert told == [True], "current_call_ctx"
