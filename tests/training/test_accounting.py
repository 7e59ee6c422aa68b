"""What is counted as left is what compaction leaves."""

import keras
import numpy as np
import pytest
from helpers.checks import draw_masks
from helpers.gradients import value_and_gradient
from helpers.liveness import alive
from helpers.networks import small_lenet
from keras import layers

from keras_switcher import prune_channels
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.counting import count_macs
from keras_switcher.graph.packing import PackedLayout
from keras_switcher.training.accounting import KeptShare


class KeptOf:
    """A `KeptShare` that is told what is alive by name."""

    def __init__(self, channel_graph, names, connections=()):
        self.layout = PackedLayout(map(channel_graph.group, names))
        self.kept = KeptShare(channel_graph, self.layout, connections)

    def __call__(self, live, *args):
        return self.kept(self.layout.join(live), *args)


def all_on(channel_graph):
    sizes = {group.name: group.size for group in channel_graph.groups if group.prunable}
    return {name: np.ones(size, "float32") for name, size in sizes.items()}


@pytest.mark.parametrize("removed", [0, 0.3, 0.6])
def test_kept_share_is_that_of_the_compact_model(removed):
    model = small_lenet()
    channel_graph = ChannelGraph(model)
    keep, _ = draw_masks(channel_graph.groups, removed, seed=3)
    live = alive(channel_graph, {name: mask.astype("float32") for name, mask in keep.items()})
    small = prune_channels(model, keep)
    weights = [sum(int(np.prod(w.shape)) for w in m.weights) for m in (small, model)]
    macs = [count_macs(m).total for m in (small, model)]
    assert float(KeptOf(channel_graph, live)(live)) == pytest.approx(weights[0] / weights[1])
    assert float(KeptOf(channel_graph, live)(live, "macs")) == pytest.approx(macs[0] / macs[1])
    assert (removed == 0) == (weights[0] == weights[1])


@pytest.mark.parametrize("of", ["weights", "macs"])
def test_gradient_of_the_kept_share_is_what_a_channel_costs(of):
    channel_graph = ChannelGraph(small_lenet())
    on = all_on(channel_graph)
    kept_share = KeptOf(channel_graph, alive(channel_graph, on))
    share, gradients = value_and_gradient(lambda on: kept_share(alive(channel_graph, on), of), on)
    for name in ("conv1", "conv2", "fc1"):
        off = all_on(channel_graph)
        off[name][1] = 0
        cost = share - kept_share(alive(channel_graph, off), of)
        assert float(gradients[name][1]) == pytest.approx(float(cost), rel=1e-4)


@pytest.mark.parametrize("connections", [False, True])
def test_positions_go_with_the_channels_along_them(connections):
    """The second layer reads positions; along its own positions lie the first one's channels."""
    x = inputs = keras.Input((4, 6))
    x = layers.Permute((2, 1))(layers.Dense(8, name="embed")(x))
    x = layers.Permute((2, 1))(layers.Dense(5, name="mix")(x))
    outputs = layers.Dense(3, name="head")(layers.GlobalAveragePooling1D()(x))
    channel_graph = ChannelGraph(keras.Model(inputs, outputs))
    on = {name: np.ones(size, "float32") for name, size in (("embed", 8), ("mix", 5))}
    on["embed"][:6] = 0
    matrix = {"mix/connections": np.float32(np.arange(20).reshape(4, 5) < 12)}
    matrix = matrix if connections else {}
    kept = KeptOf(channel_graph, on, matrix)(on, "macs", matrix)
    mix = 2 * (12 if connections else 4 * 5)
    expected = 4 * 6 * 2 + mix + 2 * 3
    assert float(kept) == pytest.approx(expected / (4 * 6 * 8 + 8 * 4 * 5 + 8 * 3))
