"""Networks whose operations have equal names, or names that new ones would get."""

import keras
import numpy as np
import pytest
from helpers.checks import check_close, check_plain, draw_inputs, masks_for, with_random_weights
from helpers.exactness import check_exact_graph
from keras import layers, ops

from keras_switcher import SwitcherModel, prune_channels
from keras_switcher.switchers import FreeFactors


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
    model = with_random_weights(make())
    check_exact_graph(model, *masks_for(model))
    x, switched = draw_inputs(model), SwitcherModel(model)
    check_close(switched.compact()(x), switched(x))


def test_each_tower_keeps_its_weights():
    model = with_random_weights(towers())
    small = prune_channels(model, {"conv": np.arange(6) < 2, "conv:1": np.arange(6) < 4})
    assert [small.get_layer(name).filters for name in ("conv", "conv_1")] == [2, 4]


def test_new_gathers_are_not_named_like_the_model_s_own_operations():
    x = inputs = keras.Input((6,), name="take_2")
    x = layers.Dense(6, name="take_1")(x)
    x = layers.Dense(5, name="take_3")(ops.take(x, [0, 2, 3, 5], axis=1))
    model = with_random_weights(keras.Model(inputs, layers.Dense(2)(x)))
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
    model = with_random_weights(keras.models.load_model(tmp_path / "sums.keras"))
    check_exact_graph(model, *masks_for(model))


def test_random_layers_of_equal_names_hear_of_training():
    def dropping(name):
        inputs = keras.Input((6,))
        return keras.Model(inputs, layers.Dropout(0.5, name="drop")(inputs), name=name)

    inputs = keras.Input((4,))
    x = layers.Dense(6, kernel_initializer="ones", name="ones")(inputs)
    outputs = [layers.Dense(2)(layers.Dense(3)(inputs)), dropping("left")(x), dropping("right")(x)]
    model = SwitcherModel(keras.Model(inputs, outputs), FreeFactors(start="one"))
    for training in (True, False):
        _, *towers = model(np.ones((50, 4), "float32"), training=training)
        assert [bool((np.asarray(tower) == 0).any()) for tower in towers] == [training] * 2


def test_operations_of_several_loaded_models_get_names_of_their_own(tmp_path):
    def taking():
        inputs = keras.Input((6,))
        return keras.Model(inputs, layers.Dense(6)(ops.take(inputs, [5, 3, 2, 1, 0], axis=1)))

    parts = []
    for name in ("first", "second", "third"):
        keras.backend.clear_session()
        taking().save(tmp_path / f"{name}.keras")
        parts.append(keras.models.load_model(tmp_path / f"{name}.keras"))
        parts[-1].name = name
    x = inputs = keras.Input((6,))
    for part in parts:
        x = part(layers.Dense(6)(x))
    model = with_random_weights(keras.Model(inputs, layers.Dense(2)(x)))
    keras.backend.clear_session()
    check_exact_graph(model, *masks_for(model))
