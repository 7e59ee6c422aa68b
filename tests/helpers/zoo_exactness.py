"""Compares the outputs of gated and compact models, with random weights, masks and factors."""

from typing import NamedTuple

import keras
import numpy as np

from keras_switcher.gating.gated_network import gated_network
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.tracing import trace
from keras_switcher.pruning.planning import plan_removal
from keras_switcher.pruning.surgery import compact

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


def with_random_weights(model: keras.Model, rng: np.random.Generator):
    """Gives each weight a random value: kernels by their fan-in, vectors around 0 or 1."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            with_random_weights(layer, rng)
            continue
        if isinstance(layer, keras.layers.Normalization):
            continue  # Its constants are part of the architecture.
        depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
        for weight in layer.weights:
            noise = rng.standard_normal(weight.shape, "float32")
            if "kernel" in weight.name:
                inputs = weight.shape[:-1]
                if depthwise or weight.name == "depthwise_kernel":
                    inputs = weight.shape[:-2]
                weight.assign(noise * np.float32(np.sqrt(2 / np.prod(inputs))))
            elif "variance" in weight.name:
                weight.assign(0.5 + np.abs(noise))
            elif keras.backend.is_float_dtype(weight.dtype):
                weight.assign(0.2 * noise + (weight.name == "gamma"))


def draw_factors(channel_graph: ChannelGraph, removed: float, rng: np.random.Generator) -> dict:
    """Factors for all prunable groups, a share of them zero; their mean square is 1.

    So what a kernel reads keeps its size, however many channels are off.
    """
    factors = {}
    for group in channel_graph.groups:
        if group.prunable:
            dead = min(round(removed * group.size), group.size - 1)
            keep = rng.permutation(group.size) >= dead
            factor = keep * rng.uniform(0.5, 1.5, group.size)
            factors[group.name] = (factor / np.sqrt(np.mean(factor**2))).astype("float32")
    return factors


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
