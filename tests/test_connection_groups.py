"""Which layers have connections, and what is refused."""

import keras
import pytest
from helpers.toys import (
    convnet,
    mlp,
)
from keras import layers

from keras_switcher import SwitcherModel


@pytest.mark.parametrize(
    ("groups", "names"),
    [
        ("all", ["hidden/connections", "head/connections"]),
        ("dense", ["hidden/connections", "head/connections"]),
        (["hidden"], ["hidden/connections"]),
        (["head/connections"], ["head/connections"]),
        (lambda group: group.size > 100, ["hidden/connections"]),
    ],
)
def test_groups(groups, names):
    model = SwitcherModel(convnet(), connections=True, groups=groups)
    assert list(model.scaling_factors()) == names


def test_groups_of_channels_and_connections():
    model = SwitcherModel(convnet(), connections="both", groups=["first", "head/connections"])
    assert list(model.scaling_factors()) == ["first", "head/connections"]


@pytest.mark.parametrize("groups", [["first"], "conv", ["nothing"]])
def test_only_dense_layers_have_connections(groups):
    with pytest.raises(ValueError, match="for convolutions, and all others, prune channels"):
        SwitcherModel(convnet(), connections=True, groups=groups)


def test_a_network_without_dense_layers_is_refused():
    task = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(2, 3, name="conv")])
    with pytest.raises(ValueError, match="chooses no connection group"):
        SwitcherModel(task, connections=True)


def test_a_quantized_kernel_is_refused():
    task = mlp()
    task.get_layer("hidden").quantize("int8")
    with pytest.raises(ValueError, match="'hidden/connections' cannot be pruned: its kernel is"):
        SwitcherModel(task, connections=True, groups=["hidden"])


@pytest.mark.parametrize("connections", ["all", 1, None])
def test_other_values_are_refused(connections):
    with pytest.raises(ValueError, match="`connections` must be one of"):
        SwitcherModel(mlp(), connections=connections)
