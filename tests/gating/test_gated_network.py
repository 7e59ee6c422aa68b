"""Gates act on edges: where channels are read."""

import keras
import numpy as np
import pytest
from helpers.checks import (
    check_close,
    check_same_weights,
    draw_inputs,
    weights_of,
    with_random_weights,
)
from helpers.networks import small_lenet
from keras import layers

from keras_switcher.gating.gated_network import gated_network
from keras_switcher.graph.channel_graph import ChannelGraph


def names_of(channel_graph):
    return [group.name for group in channel_graph.groups if group.prunable]


def test_factors_of_one_change_nothing():
    model = small_lenet()
    before = weights_of(model)
    channel_graph = ChannelGraph(model)
    network, edges = gated_network(channel_graph, names_of(channel_graph))
    x = draw_inputs(model)
    check_close(network([x, [np.ones(edge.size) for edge in edges]]), model(x))
    check_same_weights(model, before)


def test_gated_network_has_the_variables_of_the_model_and_no_others():
    model = small_lenet()
    network, _ = gated_network(ChannelGraph(model), ["conv1", "fc1"])
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
    _, edges = gated_network(ChannelGraph(small_lenet()), groups)
    assert [edge.call.name for edge in edges] == gated


def test_keyword_inputs_are_gated():
    inputs = keras.Input((5,))
    hidden = keras.layers.Dense(6, activation="tanh", name="hidden")(inputs=inputs)
    model = with_random_weights(
        keras.Model(inputs, keras.layers.Dense(2, name="head")(inputs=hidden))
    )
    channel_graph = ChannelGraph(model)
    network, _ = gated_network(channel_graph, ["hidden"])
    factors = np.linspace(0, 2, 6).astype("float32")
    head = model.get_layer("head")
    x = draw_inputs(model)
    expected = (model.get_layer("hidden")(x) * factors) @ head.kernel + head.bias
    check_close(network([x, [factors]]), expected)


def test_sizes_that_attention_leaves_open_are_known():
    inputs = keras.Input((4, 6))
    query = keras.ops.expand_dims(keras.ops.mean(inputs, axis=1), 1)
    read = layers.MultiHeadAttention(2, 3)(query, inputs)
    outputs = layers.Dense(2)(keras.ops.squeeze(read, axis=1))
    model = with_random_weights(keras.Model(inputs, outputs))
    channel_graph = ChannelGraph(model)
    network, edges = gated_network(channel_graph, names_of(channel_graph))
    x = draw_inputs(model)
    check_close(network([x, [np.ones(edge.size) for edge in edges]]), model(x))
