"""Networks whose operations have equal names, or names that new ones would get."""

import keras
import numpy as np
import pytest
from checks import check_plain, draw_inputs, masks_for, randomise
from exactness import check_exact_graph
from keras import layers, ops

from keras_switcher import SwitcherModel, prune_channels


def tower(name):
    x = inputs = keras.Input((8, 8, 3))
    x = layers.ReLU(name="relu")(layers.Conv2D(6, 3, name="conv")(x))
    return keras.Model(inputs, x, name=name)


def towers():
    """Two nested models whose layers have equal names, one of them that of an input."""
    inputs = keras.Input((8, 8, 3), name="relu")
    both = layers.Concatenate()([tower("left")(inputs), tower("right")(inputs)])
    return keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(both)))


def shared():
    """The second call of one layer and another layer would have the same gate."""
    inputs = [keras.Input((6,)), keras.Input((6,))]
    layer = layers.Dense(8, "relu", name="dense")
    x = layers.Concatenate()([layer(x) for x in inputs])
    return keras.Model(
        inputs, layers.Dense(2, name="head")(layers.Dense(5, "relu", name="dense_1")(x))
    )


def of_other_networks():
    """Names that gated networks use."""
    x = inputs = keras.Input((6,), name="factors_0")
    x = layers.Dense(5, "relu", name="a")(x)
    return keras.Model(inputs, layers.Dense(3, name="head")(layers.ReLU(name="gated_head")(x)))


@pytest.mark.parametrize("make", [towers, shared, of_other_networks])
def test_equal_names_do_not_meet(make):
    model = randomise(make())
    check_exact_graph(model, *masks_for(model))
    assert SwitcherModel(model).compact().count_params() <= model.count_params()


def test_each_tower_keeps_its_weights():
    model = randomise(towers())
    small = prune_channels(model, {"conv": np.arange(6) < 2, "conv:1": np.arange(6) < 4})
    assert [small.get_layer(name).filters for name in ("conv", "conv_1")] == [2, 4]


def test_new_gathers_are_not_named_like_the_model_s_own_operations():
    x = inputs = keras.Input((6,), name="take_2")
    x = layers.Dense(6, name="take_1")(x)
    x = layers.Dense(5, name="take_3")(ops.take(x, [0, 2, 3, 5], axis=1))
    model = randomise(keras.Model(inputs, layers.Dense(2)(x)))
    keras.backend.clear_session()  # As in a new process: Keras counts from zero.
    keep = {"take_1/inputs": np.arange(6) > 1, "take_3": np.arange(5) > 1}
    check_plain(prune_channels(model, keep), draw_inputs(model))


def test_loaded_operations_keep_from_new_ones(tmp_path):
    keras.backend.clear_session()
    x = inputs = keras.Input((6,))
    x = layers.Dense(6, "relu", name="first")(x)
    y = layers.Dense(6, name="second")(x)
    outputs = layers.Dense(2)(layers.Add()([x, y]) + y)
    keras.Model(inputs, outputs).save(tmp_path / "sums.keras")
    keras.backend.clear_session()
    model = randomise(keras.models.load_model(tmp_path / "sums.keras"))
    check_exact_graph(model, *masks_for(model))
