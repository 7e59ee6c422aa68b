"""What factors leave alive: found at once or one by one, with the same gradients."""

import keras
import numpy as np
import pytest
from helpers.checks import draw_masks
from helpers.drawn_graphs import RECIPES, build
from helpers.gradients import gradient_of
from helpers.liveness import alive, alive_one_by_one
from helpers.networks import densely_connected, lenet5, small_lenet, two_heads
from helpers.toys import examples, in_double
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import layers, ops, tree

from keras_switcher.graph.channel_graph import ChannelGraph


def dense_chain(length=5):
    """Every Dense layer reads the raw inputs and all layers before it: all have input groups."""
    x = inputs = keras.Input((3,))
    for number in range(length):
        new = layers.Dense(2 + number % 3, "relu", name=f"dense{number}")(x)
        x = layers.Concatenate()([x, new])
    return keras.Model(inputs, layers.Dense(2, name="head")(x))


def parts_and_repeats():
    """Readers that see only a part of the channels, or see them twice, or in another order."""
    inputs = keras.Input((4,))
    hidden = layers.Dense(6, "relu", name="hidden")(inputs)
    other = layers.Dense(3, "relu", name="other")(inputs)
    twice = layers.Concatenate()([hidden, other, hidden])
    parts = [hidden[:, :4], twice, layers.Concatenate()([other, hidden[:, 3:]])]
    outputs = [layers.Dense(2, name=f"head{i}")(part) for i, part in enumerate(parts)]
    return keras.Model(inputs, outputs)


NETWORKS = {
    "a chain of Dense layers": dense_chain,
    "parts and repeats": parts_and_repeats,
    "lenet5": lambda: lenet5((6, 8), (9, 4), size=20),
    "two heads": two_heads,
    "densely connected": densely_connected,
}


def drawn(channel_graph, seed):
    """For four fifths of the groups: zeros and ones, or what gradients leave of ones."""
    generator = np.random.default_rng(seed)
    near_one = generator.choice([1, 1, 1 - 1e-7, 1 + 1e-7], 10_000)

    def vector(size):
        ones = generator.choice(near_one, size)
        return ops.convert_to_tensor(ones * (generator.random(size) < 0.5))

    groups = [g for g in channel_graph.groups if g.prunable and generator.random() < 0.8]
    connections = [g for g in channel_graph.connections if g.prunable and generator.random() < 0.3]
    live = {group.name: vector(group.size) for group in groups}
    return live, {group.name: vector(group.shape[0]) for group in connections}


def check(channel_graph, seed):
    with in_double():
        _check(channel_graph, *drawn(channel_graph, seed), np.random.default_rng(seed))


def _check(channel_graph, live, rows, generator):
    at_once, one_by_one = (f(channel_graph, live, rows) for f in (alive, alive_one_by_one))
    assert list(at_once) == list(one_by_one)
    for name, expected in one_by_one.items():
        np.testing.assert_array_equal(at_once[name], expected, err_msg=name)
    weights = {name: generator.normal(size=left.shape) for name, left in one_by_one.items()}

    def weighted(find):
        def of(given):
            return [weights[name] * left for name, left in find(channel_graph, *given).items()]

        return tree.flatten(gradient_of(of, (live, rows)))

    for found, expected in zip(weighted(alive), weighted(alive_one_by_one), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("every_dense_input", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_left_is_the_same_at_once_and_one_by_one(name, every_dense_input):
    channel_graph = ChannelGraph(NETWORKS[name](), every_dense_input)
    for seed in range(6):
        check(channel_graph, seed)


@settings(max_examples=examples(20), suppress_health_check=list(HealthCheck))
@given(RECIPES, st.booleans(), st.integers(0, 1000))
def test_so_it_is_in_drawn_graphs(recipe, every_dense_input, seed):
    check(ChannelGraph(build(**recipe), every_dense_input), seed)


def test_nothing_is_told_of_nothing():
    assert alive(ChannelGraph(two_heads()), {}) == {}


@given(st.integers(0, 10_000), st.floats(0.1, 0.95))
def test_channel_lives_while_a_position_does_and_the_other_way_round(seed, removed):
    channel_graph = ChannelGraph(small_lenet())
    keep, _ = draw_masks(channel_graph.groups, removed, seed)
    live = alive(channel_graph, {name: mask.astype("float32") for name, mask in keep.items()})
    live = {name: np.asarray(vector) > 0 for name, vector in live.items()}
    positions = keep["fc1/inputs"].reshape(4, 8)
    np.testing.assert_array_equal(
        live["fc1/inputs"].reshape(4, 8), positions & keep["conv2"][None, :]
    )
    np.testing.assert_array_equal(live["conv2"], keep["conv2"] & positions.any(0))
    for name in ("conv1", "fc1"):
        np.testing.assert_array_equal(live[name], keep[name])


def test_positions_alone_can_empty_channels():
    channel_graph = ChannelGraph(small_lenet())
    positions = np.ones((4, 8), "float32")
    positions[:, 3] = positions[1, 5] = 0
    live = alive(channel_graph, {"fc1/inputs": positions.reshape(-1)})
    assert set(live) == {"conv2", "fc1/inputs"}
    np.testing.assert_array_equal(np.asarray(live["conv2"]) > 0, np.arange(8) != 3)


def test_channel_lives_while_one_of_its_readers_uses_it():
    channel_graph = ChannelGraph(two_heads(), every_dense_input=True)
    one, two = np.float32([1, 1, 0, 0, 1, 0]), np.float32([1, 0, 1, 0, 0, 0])
    live = alive(channel_graph, {"one/inputs": one, "two/inputs": two})
    np.testing.assert_array_equal(live["hidden"], [1, 1, 1, 0, 1, 0])
    live = alive(channel_graph, {"one/inputs": one})  # The other reader uses them all.
    assert "hidden" not in live
