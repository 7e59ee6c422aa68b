"""Compact networks beside the originals with kernels scaled by hand, without this package's gates.

Weights, masks, factors and inputs are drawn at random.
"""

import contextlib
from collections.abc import Iterator
from typing import NamedTuple
from unittest import mock

import keras
import numpy as np
from keras import layers, tree

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.sublayers import with_sublayers
from keras_switcher.pruning.planning import plan_removal
from keras_switcher.pruning.surgery import compact

BATCH = 2
DEPTHWISE = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)


class Comparison(NamedTuple):
    """The largest max |scaled - compact| / max |scaled| of all outputs, the most that the factors
    change of one, which a comparison of the wrong things would show, and the compact model.
    """

    difference: float
    effect: float
    small: keras.Model


def compare(model: keras.Model, channel_graph: ChannelGraph, removed: float, seed: int = 0):
    """Removes a share of the channels of every prunable group and compares the outputs.

    The statistics of normalisations become random ones on the scale of what arrives.

    Args:
        model: Any model with random weights.
        channel_graph: Its channel graph.
        removed: The share.
        seed: Of masks, factors, statistics and inputs.
    """
    rng = np.random.default_rng(seed)
    factors = draw_factors(channel_graph, removed, rng)
    x = draw_inputs(model, rng)
    with kernels_scaled(channel_graph, factors):
        with settling(rng):
            model(x, training=False)
        expected = _arrays(model(x, training=False))
    plain = _arrays(model(x, training=False))
    small = compact(channel_graph, plan_removal(channel_graph, factors))
    actual = _arrays(small(x, training=False))
    return Comparison(
        max(relative_difference(*pair) for pair in zip(actual, expected, strict=True)),
        max(relative_difference(*pair) for pair in zip(plain, expected, strict=True)),
        small,
    )


def owned_weights(model: keras.Model) -> list[tuple[layers.Layer, list[keras.Variable]]]:
    """All layers with weights of their own, sublayers of layers included, and these weights."""
    owned, claimed = [], set()
    for layer in with_sublayers(model):
        parts = [part for part in with_sublayers(layer) if part is not layer]
        inner = claimed | {id(weight) for part in parts for weight in part.weights}
        own = [weight for weight in layer.weights if id(weight) not in inner]
        claimed |= {id(weight) for weight in own}
        if own:
            owned.append((layer, own))
    return owned


def with_random_weights(model: keras.Model, rng: np.random.Generator):
    """Gives each weight a random value: kernels by their fan-in, vectors around 0 or 1.

    Weights that are not trained, but statistics, are constants of the architecture and stay.
    """
    for layer, weights in owned_weights(model):
        for weight in weights:
            is_statistic = isinstance(layer, layers.BatchNormalization)
            if not (weight.trainable or is_statistic) or not weight.dtype.startswith("float"):
                continue
            noise = rng.standard_normal(weight.shape, "float32")
            if "kernel" in weight.name:
                inputs = weight.shape[:-1]
                if isinstance(layer, DEPTHWISE) or weight.name == "depthwise_kernel":
                    inputs = weight.shape[:-2]
                weight.assign(noise * np.float32(np.sqrt(2 / np.prod(inputs))))
            elif "variance" in weight.name:
                weight.assign(0.5 + np.abs(noise))
            else:
                weight.assign(0.2 * noise + (weight.name in ("gamma", "scale")))


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


def draw_inputs(model: keras.Model, rng: np.random.Generator, batch: int = BATCH):
    """Random inputs in the structure of the model's; whole numbers are below 2."""
    return tree.map_structure(
        lambda x: (
            rng.uniform(-1.5, 1.5, (batch, *x.shape[1:])).astype("float32")
            if "float" in x.dtype
            else rng.integers(2, size=(batch, *x.shape[1:]), dtype=x.dtype)
        ),
        model.input,
    )


@contextlib.contextmanager
def kernels_scaled(channel_graph: ChannelGraph, factors: dict[str, np.ndarray]) -> Iterator[None]:
    """Within it, a model's kernels are multiplied by the factors of the channels that they read."""
    scaled = [(k, k.numpy(), factor) for k, factor in row_factors(channel_graph, factors)]
    for kernel, value, factor in scaled:
        kernel.assign(value * factor)
    try:
        yield
    finally:
        for kernel, value, _ in scaled:
            kernel.assign(value)


def row_factors(channel_graph: ChannelGraph, factors: dict[str, np.ndarray]) -> list[tuple]:
    """Pairs of kernels that read channels of groups, and the factors, in a shape to multiply by."""
    found, scaled = {}, set()
    for group in channel_graph.groups:
        for edge in group.consumers:
            if (id(edge.kernel), edge.kernel_axis) in scaled:  # Of a layer that is called twice.
                continue
            scaled.add((id(edge.kernel), edge.kernel_axis))
            along = [-1 if axis == edge.kernel_axis else 1 for axis in range(edge.kernel.ndim)]
            each = [factors.get(other.name, np.ones(other.size)) for other in edge.groups]
            factor = np.concatenate([*each, [1]])[edge.index]
            if edge.input_group and edge.input_group.name in factors:
                factor = factor * factors[edge.input_group.name]
            _, others = found.get(id(edge.kernel), (None, 1))  # Along other axes of the kernel.
            found[id(edge.kernel)] = edge.kernel, np.float32(factor).reshape(along) * others
    return list(found.values())


@contextlib.contextmanager
def settling(rng: np.random.Generator) -> Iterator[None]:
    """Within it, each batch normalisation that is called gets statistics for what arrives.

    On another scale, a deep network saturates or explodes. The scale is that of all channels
    together: one by one, channels that are almost off would be blown up, rounding errors and all,
    until the float32 outputs of either network have few digits in common with those in float64.
    """
    original = layers.BatchNormalization.call

    def call(layer, inputs, training=None, mask=None):
        scale = np.sqrt(np.square(keras.ops.convert_to_numpy(inputs)).mean())
        noise = 0.3 * rng.standard_normal((2, *layer.moving_mean.shape))
        layer.moving_mean.assign(scale * noise[0])
        layer.moving_variance.assign(scale**2 * np.exp(noise[1]))
        return original(layer, inputs, training=training, mask=mask)

    with mock.patch.object(layers.BatchNormalization, "call", call):
        yield


def relative_difference(actual: np.ndarray, expected: np.ndarray) -> float:
    """max |actual - expected| / max |expected|; infinite if either is not finite."""
    if not (np.isfinite(actual).all() and np.isfinite(expected).all()):
        return float("inf")
    largest = np.abs(expected).max(initial=0)
    return float(np.abs(actual - expected).max(initial=0) / (largest or 1))


def _arrays(outputs) -> list[np.ndarray]:
    return [np.float64(keras.ops.convert_to_numpy(x)) for x in tree.flatten(outputs)]
