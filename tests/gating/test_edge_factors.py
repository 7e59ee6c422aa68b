"""Gathered at once or one by one: the same vectors and the same gradients."""

import numpy as np
import pytest
from helpers.gradients import gradient_of
from helpers.networks import densely_connected, lenet5, two_heads
from keras import ops

from keras_switcher.gating.edge_factors import EdgeFactors
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.packing import PackedLayout

NETWORKS = {
    "lenet5": lambda: lenet5((6, 8), (9, 4), size=20),
    "two heads": two_heads,
    "densely connected": densely_connected,
}


def drawn(channel_graph, seed):
    """Vectors for two thirds of the groups."""
    generator = np.random.default_rng(seed)
    groups = [group for group in channel_graph.groups if generator.random() < 0.67]
    return {
        g.name: ops.convert_to_tensor(np.float32(generator.normal(size=g.size))) for g in groups
    }


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", NETWORKS)
def test_edges_gather_at_once_what_they_gather_one_by_one(name, seed):
    channel_graph = ChannelGraph(NETWORKS[name]())
    vectors = drawn(channel_graph, seed)
    groups = [channel_graph.group(name) for name in vectors]

    def at_once(vectors):
        return EdgeFactors(channel_graph.edges, groups)(vectors)

    def one_by_one(vectors):
        found = [edge.gather(vectors) for edge in channel_graph.edges]
        ones = [ops.ones(edge.size) for edge in channel_graph.edges]
        return [o if v is None else v for v, o in zip(found, ones, strict=True)]

    for found, expected in zip(at_once(vectors), one_by_one(vectors), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    found, expected = (
        gradient_of(lambda given, gather=gather: [v**3 for v in gather(given)], vectors)
        for gather in (at_once, one_by_one)
    )
    for group in vectors:
        np.testing.assert_allclose(found[group], expected[group], 1e-4, 1e-5, err_msg=group)


@pytest.mark.only("tensorflow", reason="Only TensorFlow has sparse gradients.")
@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_dense(name):
    import tensorflow as tf

    channel_graph = ChannelGraph(NETWORKS[name]())
    vectors = drawn(channel_graph, 0)
    with tf.GradientTape() as tape:
        tape.watch(vectors)
        groups = [channel_graph.group(name) for name in vectors]
        gathered = EdgeFactors(channel_graph.edges, groups)(vectors)
    for group, gradient in tape.gradient(gathered, vectors).items():
        assert gradient is None or isinstance(gradient, tf.Tensor), group


def test_split_undoes_joining():
    channel_graph = ChannelGraph(two_heads())
    vectors = drawn(channel_graph, 0)
    layout = PackedLayout(map(channel_graph.group, vectors))
    joined = layout.join(vectors)
    assert joined.shape[0] == layout.one + 1
    assert float(joined[layout.one]) == 1
    parted = layout.split(joined)
    assert list(parted) == list(vectors)
    for name, vector in vectors.items():
        np.testing.assert_array_equal(parted[name], vector)


def test_without_groups_everything_counts_as_one():
    channel_graph = ChannelGraph(lenet5((6, 8), (9, 4), size=20))
    for edge, vector in zip(
        channel_graph.edges, EdgeFactors(channel_graph.edges, [])({}), strict=True
    ):
        np.testing.assert_array_equal(vector, np.ones(edge.size))
