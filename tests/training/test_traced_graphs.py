"""Graphs behind fit(): how they grow, how many there are, and in which precision they count."""

import contextlib

import keras
import numpy as np
import pytest
from helpers.toys import (
    convnet,
    data,
    fit,
    float64,
    in_double,
    mlp,
    same,
    started,
    switched,
    values,
)
from keras import layers, ops
from keras.backend import standardize_dtype

from keras_switcher import Budget, SwitcherModel
from keras_switcher.training.schedule import ALTERNATIONS


def dense_concatenations(length):
    """Every layer reads the raw inputs and all layers before it."""
    x = inputs = keras.Input((4,))
    for _ in range(length):
        x = layers.Concatenate()([x, layers.Dense(2, "relu")(x)])
    return keras.Model(inputs, layers.Dense(3)(x))


def concatenations(length):
    x = inputs = keras.Input((4, 4, 1))
    for _ in range(length):
        new = layers.Conv2D(2, 3, padding="same")(layers.BatchNormalization()(x))
        x = layers.Concatenate()([x, layers.ReLU()(new)])
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))


def residuals(length):
    inputs = keras.Input((4, 4, 1))
    x = layers.Conv2D(2, 1)(inputs)
    for _ in range(length):
        x = layers.Add()([x, layers.Conv2D(2, 3, padding="same", activation="relu")(x)])
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


def operations(function, *arguments):
    """Number of operations in a function's graph."""
    import tensorflow as tf

    traced = tf.function(function, autograph=False).get_concrete_function(*arguments)
    return len(traced.graph.get_operations())


@pytest.mark.only("tensorflow", reason="It counts the operations of TensorFlow's graphs.")
@pytest.mark.parametrize("make", [dense_concatenations, concatenations, residuals])
def test_what_a_step_looks_up_grows_with_the_length_of_a_chain(make):
    counts = []
    for length in (20, 40):
        model = SwitcherModel(make(length))
        ones, accounting = model.gated.ones(), model.accounting
        found = [
            operations(accounting.live, ones),
            operations(accounting.weights_removed, ones),
            operations(lambda factors, a=accounting: a.kept(factors, "weights"), ones),
        ]
        counts.append(found)
    for short, long in zip(*counts, strict=True):
        assert long <= 2.2 * short


@pytest.mark.only("tensorflow", reason="It counts the operations of TensorFlow's graphs.")
def test_a_training_step_grows_with_the_length_of_a_chain():
    counts = []
    for length in (20, 40):
        model = switched(dense_concatenations(length), alternation="joint")
        counts.append(operations(model.train_step, tuple(map(ops.convert_to_tensor, data(4)))))
    assert counts[1] <= 2.2 * counts[0]


@pytest.mark.only("tensorflow", reason="It alone warns of tracing too often.")
def test_many_models_in_one_process_are_not_called_retracing(monkeypatch):
    import tensorflow as tf

    warned = []
    monkeypatch.setattr(tf.get_logger(), "warning", lambda message, *_: warned.append(message))
    for _ in range(7):
        model = started()
        model.inference_factors()
        model.make_predict_function()
        model.predict_function._renew()
    assert not [message for message in warned if "retracing" in message]


def test_a_budget_of_the_same_settings_needs_no_other_graph():
    model = started(alternation="joint", budget=Budget(0.5, end_epoch=2))
    model.run_eagerly = True
    function = model.make_train_function()
    model.budget = Budget(0.5, end_epoch=2)
    assert model.make_train_function() is function
    model.budget = Budget(0.6, end_epoch=2)
    assert model.make_train_function() is not function


IN_DOUBLE = pytest.mark.only(
    "tensorflow", "jax", reason="Keras multiplies in float32 under PyTorch, see `float64_error`."
)


@IN_DOUBLE
@pytest.mark.parametrize("of", [None, "weights", "macs"])
@pytest.mark.parametrize("connections", [True, "both"])
def test_connections_are_trained_and_cut_in_float64(connections, of):
    with float64():
        budget = Budget(0.95, of=of, start_epoch=0, end_epoch=1) if of else None
        model = started(convnet, connections=connections, budget=budget, alternation="joint")
        x, y = data(8, (8, 8, 1))
        fit(model, x, y)
        model.evaluate(x, y, verbose=0)
        expected = model.predict(x, verbose=0)
        assert {factor.dtype.name for factor in model.scaling_factors().values()} == {"float64"}
        found = model.compact().predict(x, verbose=0)
        assert np.abs(found - expected).max() <= 1e-9 * np.abs(expected).max()


@pytest.mark.parametrize(
    "dtype",
    ["float16", "bfloat16", "float32", pytest.param("float64", marks=IN_DOUBLE)],
)
def test_shares_are_counted_in_at_least_float32(dtype):
    with in_double() if dtype == "float64" else contextlib.nullcontext():
        check_shares(SwitcherModel(mlp(), connections="both"), dtype)


def check_shares(model, dtype):
    factors = {name: keras.ops.cast(ones, dtype) for name, ones in model.gated.ones().items()}
    kept = model.accounting.kept(factors, "weights")
    assert standardize_dtype(kept.dtype) == ("float64" if dtype == "float64" else "float32")
    assert float(kept) == 1
    removed = model.accounting.weights_removed(factors)
    assert standardize_dtype(removed.dtype) == "float32"
    assert float(removed) == 0


@pytest.mark.only("tensorflow", reason="tf.data alone has datasets without a batch.")
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize("alternation", ALTERNATIONS)
def test_an_epoch_without_a_batch_is_refused_and_does_not_count(alternation, is_known):
    import tensorflow as tf

    model = started(alternation=alternation, compiled={"metrics": ["accuracy"]})
    nothing = tf.data.Dataset.from_tensor_slices(data()).batch(4).take(0)
    nothing = nothing if is_known else nothing.filter(lambda x, y: True)
    before = values([*model.task.weights, *model.switcher.weights])
    with pytest.raises(ValueError, match="No batch came in epoch 1"):
        model.fit(nothing, verbose=0, shuffle=False)
    assert float(model.epochs_seen) == 0
    assert same(before, [*model.task.weights, *model.switcher.weights])
