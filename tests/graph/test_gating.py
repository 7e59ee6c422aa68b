"""Gates act on edges; what is left alive is counted as the compact model would be."""

import keras
import numpy as np
import pytest
from checks import check_close, check_same_weights, draw_inputs, draw_masks, randomise, weights_of
from hypothesis import given
from hypothesis import strategies as st
from networks import small_lenet, two_heads

from keras_switcher.graph.anatomy import Anatomy
from keras_switcher.graph.gating import alive, gated_network


def names_of(anatomy):
    return [group.name for group in anatomy.groups if group.prunable]


def test_factors_of_one_change_nothing():
    model = small_lenet()
    before = weights_of(model)
    anatomy = Anatomy(model)
    network, edges = gated_network(anatomy, names_of(anatomy))
    x = draw_inputs(model)
    check_close(network([x, [np.ones(edge.size) for edge in edges]]), model(x))
    check_same_weights(model, before)


def test_gated_network_has_the_variables_of_the_model_and_no_others():
    model = small_lenet()
    network, _ = gated_network(Anatomy(model), ["conv1", "fc1"])
    assert [id(v) for v in network.variables] == [id(v) for v in model.variables]


@pytest.mark.parametrize(
    ("groups", "gated"),
    [
        (["conv1"], ["conv2"]),
        (["conv2"], ["fc1"]),
        (["fc1/inputs"], ["fc1"]),
        (["conv2", "fc1/inputs", "fc1"], ["fc1", "fc2"]),
    ],
)
def test_gates_are_where_the_channels_of_a_group_are_read(groups, gated):
    _, edges = gated_network(Anatomy(small_lenet()), groups)
    assert [edge.call.name for edge in edges] == gated


@given(st.integers(0, 10_000), st.floats(0.1, 0.95))
def test_channel_lives_while_a_position_does_and_the_other_way_round(seed, removed):
    anatomy = Anatomy(small_lenet())
    keep, _ = draw_masks(anatomy.groups, removed, seed)
    live = alive(anatomy, {name: mask.astype("float32") for name, mask in keep.items()})
    live = {name: np.asarray(vector) > 0 for name, vector in live.items()}
    positions = keep["fc1/inputs"].reshape(4, 8)
    np.testing.assert_array_equal(
        live["fc1/inputs"].reshape(4, 8), positions & keep["conv2"][None, :]
    )
    np.testing.assert_array_equal(live["conv2"], keep["conv2"] & positions.any(0))
    for name in ("conv1", "fc1"):
        np.testing.assert_array_equal(live[name], keep[name])


def test_positions_alone_can_empty_channels():
    anatomy = Anatomy(small_lenet())
    positions = np.ones((4, 8), "float32")
    positions[:, 3] = positions[1, 5] = 0
    live = alive(anatomy, {"fc1/inputs": positions.reshape(-1)})
    assert set(live) == {"conv2", "fc1/inputs"}
    np.testing.assert_array_equal(np.asarray(live["conv2"]) > 0, np.arange(8) != 3)


def test_channel_lives_while_one_of_its_readers_uses_it():
    anatomy = Anatomy(two_heads(), every_dense_input=True)
    one, two = np.float32([1, 1, 0, 0, 1, 0]), np.float32([1, 0, 1, 0, 0, 0])
    live = alive(anatomy, {"one/inputs": one, "two/inputs": two})
    np.testing.assert_array_equal(live["hidden"], [1, 1, 1, 0, 1, 0])
    live = alive(anatomy, {"one/inputs": one})  # The other reader uses them all.
    assert "hidden" not in live


def test_keyword_inputs_are_gated():
    inputs = keras.Input((5,))
    hidden = keras.layers.Dense(6, activation="tanh", name="hidden")(inputs=inputs)
    model = randomise(keras.Model(inputs, keras.layers.Dense(2, name="head")(inputs=hidden)))
    anatomy = Anatomy(model)
    network, _ = gated_network(anatomy, ["hidden"])
    factors = np.linspace(0, 2, 6).astype("float32")
    head = model.get_layer("head")
    x = draw_inputs(model)
    expected = (model.get_layer("hidden")(x) * factors) @ head.kernel + head.bias
    check_close(network([x, [factors]]), expected)
