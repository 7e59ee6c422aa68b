"""Compares the outputs of gated and compact models, with random weights, masks and factors."""

from typing import NamedTuple

import keras
import numpy as np

from keras_switcher.gating.gated_network import gated_network
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.tracing import trace
from keras_switcher.pruning.planning import plan_removal
from keras_switcher.pruning.surgery import compact
from recipes.benchmarks.exactness import draw_factors, with_random_weights

BATCH = 8


class Comparison(NamedTuple):
    """What one set of masks gave: max |gated - compact| / max |gated|, the standard deviation of
    the gated model's outputs, the compact model, and the images.
    """

    difference: float
    spread: float
    small: keras.Model
    x: np.ndarray


class Gates:
    """A model with random weights, which change it, and gates on all that can be pruned."""

    def __init__(self, model: keras.Model, seed: int = 0):
        self.channel_graph = ChannelGraph(model)
        with_random_weights(model, np.random.default_rng(seed))
        names = [group.name for group in self.channel_graph.groups if group.prunable]
        network, self.edges = gated_network(self.channel_graph, names)
        self.gated = trace(network)

    def compare(self, removed: float, seed: int = 0) -> Comparison:
        """Removes a share of the channels of every prunable group and compares the outputs."""
        rng = np.random.default_rng(seed)
        factors = draw_factors(self.channel_graph, removed, rng)
        x = draw_images(self.channel_graph, rng)
        inputs = [x, [edge.gather(factors, np) for edge in self.edges]]

        def visit(call, args, kwargs):
            if isinstance(call.op, keras.layers.BatchNormalization):
                _settle(call.op, args[0], rng)
            return call.op(*args, **kwargs)

        expected = keras.ops.convert_to_numpy(self.gated.replay(inputs, visit))
        small = compact(self.channel_graph, plan_removal(self.channel_graph, factors))
        actual = keras.ops.convert_to_numpy(small(x, training=False))
        difference = np.abs(expected - actual).max() / np.abs(expected).max()
        return Comparison(float(difference), float(expected.std()), small, x)


def draw_images(channel_graph: ChannelGraph, rng: np.random.Generator) -> np.ndarray:
    """A batch of random images, on the scale that the model expects."""
    pixels = any(isinstance(call.op, keras.layers.Rescaling) for call in channel_graph.graph.calls)
    x = rng.uniform(-1.5, 1.5, (BATCH, *channel_graph.graph.inputs.shape[1:]))
    return ((x + 1.5) * 85 if pixels else x).astype("float32")


def _settle(layer, x, rng):
    """Gives a normalisation random statistics on the scale of what arrives.

    On another scale, a deep network saturates or explodes. The scale is that of all channels
    together: one by one, channels that are almost off would be blown up, rounding errors and all,
    until the float32 outputs of either network have few digits in common with those in float64.
    """
    x = keras.ops.convert_to_numpy(x)
    scale = np.sqrt(np.square(x).mean())
    noise = 0.3 * rng.standard_normal((2, x.shape[-1]))
    layer.moving_mean.assign(scale * noise[0])
    layer.moving_variance.assign(scale**2 * np.exp(noise[1]))
