"""Dense networks whose connections are cut by hand, for comparison."""

import keras
import numpy as np
from keras import layers

from helpers.checks import check_close, draw_inputs, with_random_weights
from keras_switcher import Structure
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.planning import plan_removal
from keras_switcher.pruning.surgery import compact


def chain(sizes=(5, 6, 4, 3), bias=True, activation="tanh"):
    """A chain of Dense layers `dense_1`, ...; all weights are random."""
    parts = [
        layers.Dense(n, activation, use_bias=bias, name=f"dense_{i}")
        for i, n in enumerate(sizes[1:], 1)
    ]
    return with_random_weights(keras.Sequential([keras.Input((sizes[0],)), *parts]))


def by_hand(model, factors):
    """A copy whose kernels are multiplied with the factors."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for name, matrix in factors.items():
        layer = copy.get_layer(name.removesuffix("/connections"))
        layer.kernel.assign(layer.kernel * matrix)
    return copy


def ones(model):
    """Factors of one for every connection."""
    return {
        f"{layer.name}/connections": np.ones(layer.kernel.shape, "float32")
        for layer in model.layers
        if isinstance(layer, layers.Dense)
    }


def check(model, factors, round_to=1):
    """The compact model computes what the copy by hand does, and is counted as it is.

    Returns:
        The compact model and the plan.
    """
    channel_graph = ChannelGraph(model)
    plan = plan_removal(channel_graph, factors, round_to)
    small = compact(channel_graph, plan)
    x = draw_inputs(model)
    check_close(small(x), by_hand(model, factors)(x))
    assert Structure(channel_graph, list(factors), plan).after["parameters"] == small.count_params()
    return small, plan


def units(model):
    return [layer.units for layer in model.layers if isinstance(layer, layers.Dense)]
