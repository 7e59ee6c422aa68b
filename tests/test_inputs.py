"""Inputs that are passed by name, and masks that come with them."""

import keras
import numpy as np
import pytest
from helpers.checks import check_close, draw_inputs, with_random_weights
from helpers.toys import switched
from keras import layers

from keras_switcher import prune_channels
from keras_switcher.switchers import FreeFactors


def apart(first, second):
    """A network that does different things to two inputs of one shape."""
    parts = [layers.Dense(7, "relu")(first), layers.Dense(7, "tanh")(second)]
    return layers.Dense(3)(layers.Subtract()(parts))


def named(*names, structure=list):
    inputs = {name: keras.Input((4,), name=name) for name in names}
    model = keras.Model(
        inputs if structure is dict else [*inputs.values()], apart(*inputs.values())
    )
    return with_random_weights(model)


def values(*names):
    random = np.random.default_rng(2)
    return {name: random.normal(size=(12, 4)).astype("float32") for name in names}


def with_factors_of_one(task):
    compiled = {"loss": "mse", "optimizer": keras.optimizers.SGD(0.0)}
    return switched(task, FreeFactors(start="one"), compiled=compiled)


@pytest.mark.parametrize("structure", [list, dict])
def test_data_in_dicts_goes_by_name(structure):
    task, x = named("user", "item", structure=structure), values("user", "item", "unused")
    expected = task({name: x[name] for name in ("user", "item")})
    model = with_factors_of_one(task)
    check_close(model(x), expected)
    losses = model.fit(x, np.array(expected), verbose=0).history["loss"]
    assert losses[0] < 1e-10


@pytest.mark.filterwarnings("ignore:The structure of")
def test_one_input_may_be_passed_by_name():
    inputs = keras.Input((4,), name="features")
    task = with_random_weights(keras.Model(inputs, layers.Dense(2)(layers.Dense(3)(inputs))))
    x = values("features")
    check_close(with_factors_of_one(task)(x), task(x))


def test_a_dict_without_an_input_is_refused():
    model = with_factors_of_one(named("user", "item"))
    with pytest.raises(ValueError, match=r"without \['item'\]"):
        model(values("user"))


def test_a_list_is_refused_where_only_names_can_tell():
    model = with_factors_of_one(named("user", "item", structure=dict))
    with pytest.raises(ValueError, match=r"Expected a dict .*\['user', 'item'\]"):
        model([*values("user", "item").values()])


def test_nested_models_may_be_called_by_name():
    inner = named("user", "item")
    first, second = keras.Input((4,)), keras.Input((4,))
    outputs = layers.Dense(2)(inner({"item": second, "user": first}))
    model = with_random_weights(keras.Model([first, second], outputs))
    x = draw_inputs(model)
    check_close(prune_channels(model, {})(x), model(x))
    check_close(with_factors_of_one(model)(x), model(x))


@pytest.mark.filterwarnings("ignore:.*does not support masking")
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_masks_end_where_they_end_in_the_task_network(padding):
    inputs = keras.Input((7,), dtype="int32")
    x = layers.Embedding(8, 6, mask_zero=True)(inputs)
    x = layers.Conv1D(8, 3, padding=padding)(layers.Dense(6)(x))
    task = with_random_weights(
        keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling1D()(x)))
    )
    x = np.random.default_rng(0).integers(0, 3, (16, 7))
    check_close(with_factors_of_one(task)(x), task(x))


def test_masks_pass_through_gates():
    inputs = keras.Input((7,), dtype="int32")
    x = layers.Dense(5)(layers.Embedding(8, 6, mask_zero=True)(inputs))
    task = with_random_weights(
        keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling1D()(x)))
    )
    x = np.random.default_rng(0).integers(0, 3, (16, 7))
    check_close(with_factors_of_one(task)(x), task(x))
