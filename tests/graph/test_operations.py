"""Operations behind keras.ops: those that treat each entry by itself have a rule, all of them."""

import inspect
from functools import partial

import keras
import numpy as np
import pytest
from helpers.checks import masks_for, with_random_weights
from helpers.composites import Composite
from helpers.exactness import check_exact_graph
from keras import layers, ops

from keras_switcher import channel_groups
from keras_switcher.graph.probing import why_not_elementwise
from keras_switcher.graph.registry import find_rule

# Arguments by which some become other operations.
ARGUMENTS = {"relu": {"negative_slope": 0.1, "max_value": 4.0}}
# What is in an empty tensor is chance; a view of another type has another number of entries.
LEFT_OUT = ("empty_like", "view")


def operations():
    """Functions of one tensor that return one like it, by name, and the operation behind each."""
    tensor = keras.Input((4, 6))
    found = {}
    for module in (keras.ops, keras.activations):
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if name in LEFT_OUT:
                continue
            called = partial(function, **ARGUMENTS.get(name, {}))
            try:
                made = called(tensor)
            except Exception:  # It takes other arguments.
                continue
            is_made = made is not tensor and keras.backend.is_keras_tensor(made)
            if is_made and made.shape == tensor.shape:
                found[f"{module.__name__}.{name}"] = called, made._keras_history.operation
    return found


def test_each_elementwise_operation_of_one_tensor_has_a_rule():
    found = operations()
    assert len(found) > 100
    assert {"ReLU", "Relu6"} <= {type(op).__name__ for _, op in found.values()}
    lacking = [name for name, (_, op) in found.items() if find_rule(op) is None]
    assert [
        name
        for name in lacking
        if why_not_elementwise(found[name][0], (None, 4, 6), "float32") is None
    ] == []


@keras.saving.register_keras_serializable("operations")
class ByOperations(Composite):
    """Normalises by operations with weights of its own, and lets others mix the channels."""

    def build(self, shape):
        self.mean, self.variance, self.offset, self.scale = (
            self.add_weight(shape=shape[-1:], initializer="ones", name=name)
            for name in ("mean", "moving_variance", "offset", "scale")
        )

    def call(self, x):
        x = ops.batch_normalization(x, self.mean, self.variance, -1, self.offset, self.scale)
        x = keras.activations.relu(x, negative_slope=0.1, max_value=6.0)
        x = ops.layer_normalization(ops.swapaxes(x, 1, 2))  # Over positions.
        return ops.swapaxes(ops.rms_normalization(x), 1, 2)


def test_normalisation_by_operations_is_exact():
    inputs = keras.Input((5, 4))
    x = layers.Dense(8, name="x")(inputs)
    x = ByOperations(name="own")(x)
    model = with_random_weights(keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x))))
    assert channel_groups(model)[0].prunable
    check_exact_graph(model, *masks_for(model))


@pytest.mark.parametrize("operation", [ops.layer_normalization, ops.rms_normalization])
def test_normalisation_over_the_channels_sees_every_one(operation):
    inputs = keras.Input((5, 4))
    x = operation(layers.Dense(8, name="x")(inputs))
    model = keras.Model(inputs, layers.Dense(3)(x))
    assert "its statistics see every one" in channel_groups(model)[0].reason


def test_cross_entropy_is_entry_by_entry():
    inputs = keras.Input((4,))
    x, y = (layers.Dense(6, "sigmoid", name=name)(inputs) for name in "xy")
    model = keras.Model(inputs, layers.Dense(2)(ops.binary_crossentropy(x, y)))
    with_random_weights(model)
    keep = {"x": np.arange(6) % 2 == 0}
    check_exact_graph(model, keep)
