"""Kept channels are found by the names that surgery gives, whatever is gone."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.kept import kept_channels
from keras_switcher.pruning.planning import plan_removal
from keras_switcher.pruning.surgery import compact


@keras.saving.register_keras_serializable(package="tests")
class Block(layers.Layer):
    """Two branches, each of two layers, that are added to a stream one after the other."""

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.branches = [
            (layers.Dense(size, "relu", name=f"up{size}"), layers.Dense(width, name=f"down{size}"))
            for size in (5, 7)
        ]

    def build(self, shape):
        for up, down in self.branches:
            up.build(shape)
            down.build((*shape[:-1], up.units))

    def call(self, x):
        for up, down in self.branches:
            x = x + down(up(x))
        return x

    def get_config(self):
        return {**super().get_config(), "width": self.width}


def opened():
    return [Block(6, name=f"block{number}") for number in range(3)]


def nested():
    """Two models whose layers have the same names."""
    parts = []
    for name in ("one", "two"):
        x = inputs = keras.Input((4, 6))
        for units in (5, 6):
            x = layers.Dense(units, name=f"dense{units}")(x)
        parts.append(keras.Model(inputs, layers.Add()([inputs, x]), name=name))
    return parts


def attention():
    heads = layers.MultiHeadAttention(2, 3, name="attention")
    up, down = layers.Dense(7, "relu", name="up"), layers.Dense(6, name="down")
    return [lambda x: x + heads(x, x), lambda x: x + down(up(x))]


@pytest.mark.parametrize("parts", [opened, nested, attention])
def test_whole_groups_may_be_gone(parts):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4, 4))
    x = layers.Dense(6, name="stem")(inputs)
    for part in parts():
        x = part(x)
    before = ChannelGraph(keras.Model(inputs, layers.Dense(3, name="head")(x)))
    groups = [group for group in before.groups if group.prunable and not group.is_input]
    branches = [group for group in groups if group.name != "stem"]
    assert len(branches) > 1
    for lost in ([], branches[:1], branches[-1:], branches[::2], branches):
        factors = {}
        for number, group in enumerate(groups):
            factors[group.name] = np.arange(group.size) < 1 + number % group.size
            if group in lost:
                factors[group.name][:] = False
        factors = {name: mask.astype("float32") for name, mask in factors.items()}
        plan = plan_removal(before, factors)
        after = ChannelGraph(compact(before, plan))
        assert kept_channels(before, after) == {g.name: plan.keep[g.name].sum() for g in groups}
