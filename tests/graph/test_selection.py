"""The `groups` argument means what it says."""

import keras
import pytest
from helpers.networks import lenet5
from keras import layers

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.selection import select_groups


def chosen(groups, model=None):
    return [group.name for group in select_groups(ChannelGraph(model or lenet5()), groups)[0]]


def test_strings():
    assert chosen("all") == ["conv1", "conv2", "fc1", "fc1/inputs"]
    assert chosen("conv") == ["conv1", "conv2"]
    assert chosen("dense") == ["fc1", "fc1/inputs"]


def test_dense_takes_the_channels_themselves_where_a_dense_layer_alone_reads_them():
    pooled = keras.Sequential([keras.Input((6, 6, 1)), layers.Conv2D(4, 3, name="conv")])
    pooled.add(layers.GlobalAveragePooling2D())
    pooled.add(layers.Dense(2, name="head"))
    assert chosen("dense", pooled) == chosen("conv", pooled) == ["conv"]


def test_names_and_predicates_in_the_order_of_the_network():
    assert chosen(["fc1/inputs", "conv1"]) == ["conv1", "fc1/inputs"]
    assert chosen(lambda group: group.size > 100) == ["fc1", "fc1/inputs"]


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ("everything", "must be one of .'all', 'dense', 'conv'.*Received: groups='everything'"),
        (["conv3"], "'conv3' names no channel group or layer. Pass one of: 'conv1', 'conv2'"),
        (["fc2"], "'fc2' cannot be pruned: its channels are the model's output"),
        ([], r"chooses no channel group of 'lenet5'. Prunable: \['conv1'"),
        (lambda group: False, "chooses no channel group.*Others:\n  fc2: its channels are"),
    ],
)
def test_what_chooses_nothing_is_named(groups, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        chosen(groups)


def hides_a_network(shape=(6, 6, 1), after=()):
    """A network of a user within TimeDistributed, and layers after it."""
    inner = keras.Sequential([keras.Input(shape), layers.Conv2D(4, 3), layers.Flatten()])
    model = keras.Sequential([keras.Input((5, *shape)), layers.TimeDistributed(inner, name="td")])
    for layer in after:
        model.add(layer)
    return model


HIDDEN = r"36 of \d+ weights are in layers that no rule reaches: 'td' \(TimeDistributed\)"


@pytest.mark.parametrize(
    ("groups", "after", "message"),
    [
        ("all", [], f"chooses no channel group of '.*': it has none. {HIDDEN}"),
        (
            "conv",
            [layers.Dense(4, name="d"), layers.Dense(2, name="o")],
            rf"it has none that a convolution makes. {HIDDEN}. Prunable are \['d', 'd/inputs'\]",
        ),
        ("dense", [], f"it has none that a Dense layer reads. {HIDDEN}"),
        (
            "conv",
            [layers.Conv1D(4, 1, activation="softmax", name="c"), layers.Dense(2, name="o")],
            rf"none that a convolution makes can be pruned.*{HIDDEN}. Why not:\n  c: goes through",
        ),
        ([], [layers.Dense(2)], HIDDEN),
    ],
)
def test_none_of_a_kind_says_so_and_where_weights_are_hidden(groups, after, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        chosen(groups, hides_a_network(after=after))
