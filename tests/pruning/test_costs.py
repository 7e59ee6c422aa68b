"""The costs that a plan is said to leave are those of the smaller model."""

import keras
import numpy as np
import pytest
from helpers.checks import masks_for, with_random_weights
from helpers.networks import conv_chain, mlp, twins_and_shared
from keras import layers

from keras_switcher import PruningPlan, count_macs, count_parameters, prune_channels
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.costs import remaining
from keras_switcher.pruning.planning import plan_removal
from keras_switcher.pruning.surgery import compact


def mixer():
    """Layers that mix positions: the channels of another layer lie along theirs."""
    x = inputs = keras.Input((4, 6))
    x = y = layers.Dense(8, "relu", name="embed")(x)
    shared = layers.Dense(4, name="mix_back")
    y = layers.Dense(16, "gelu", name="mix")(layers.Permute((2, 1))(y))
    y = shared(layers.Dense(16, name="mix_again")(y))
    y = layers.EinsumDense("abc,cd->abd", (8, 4), bias_axes="d", name="einsum")(y)
    outputs = layers.Dense(3)(layers.GlobalAveragePooling1D()(layers.Permute((2, 1))(y)))
    return with_random_weights(keras.Model(inputs, [outputs, layers.Dense(2)(layers.Flatten()(x))]))


@pytest.mark.parametrize(
    ("kept", "removed"),
    [([456, 134, 45], 74.61), ([756, 287, 92], 8.23)],
)
def test_kept_units_of_the_papers_tables_give_its_share_of_removed_weights(kept, removed):
    sizes = {"fc1/inputs": 784, "fc1": 300, "fc2": 100}
    keep = {n: np.arange(size) < k for (n, size), k in zip(sizes.items(), kept, strict=True)}
    channel_graph = ChannelGraph(mlp())
    left = remaining(channel_graph, plan_removal(channel_graph, keep))["weights"]
    assert 100 * (1 - left / 266_200) == pytest.approx(removed, abs=0.05)


@pytest.mark.parametrize("make", [conv_chain, twins_and_shared, mixer])
@pytest.mark.parametrize("removed", [0.3, 0.6])
def test_remaining_is_what_the_compact_model_has(make, removed):
    model = make()
    keep, scale = masks_for(model, removed, seed=2)
    small, channel_graph = prune_channels(model, keep, scale), ChannelGraph(model)
    factors = {name: keep[name] * scale[name] for name in keep}
    left = remaining(channel_graph, plan_removal(channel_graph, factors))
    assert left["parameters"] == small.count_params() < model.count_params()
    assert left["parameters"] == count_parameters(small).total
    kernels = [layer.kernel for layer in small._flatten_layers() if hasattr(layer, "kernel")]
    assert left["weights"] == sum(int(np.prod(kernel.shape)) for kernel in kernels)
    assert left["macs"] == count_macs(small).total


def test_alphas_are_no_weights():
    model = conv_chain()
    kernels = [layer.kernel for layer in model.layers if hasattr(layer, "kernel")]
    total = sum(int(np.prod(kernel.shape)) for kernel in kernels)
    assert remaining(ChannelGraph(model))["weights"] == total


def test_layers_of_a_branch_that_is_folded_away_do_not_count():
    inputs = keras.Input((8, 8, 3))
    stem = keras.layers.Conv2D(4, 3, padding="same", name="stem")(inputs)
    inner = keras.layers.BatchNormalization()(keras.layers.Conv2D(5, 1, name="inner")(stem))
    inner = keras.layers.Conv2D(6, 3, padding="same", name="behind")(inner)
    back = keras.layers.Conv2D(4, 1, name="back")(keras.layers.ReLU()(inner))
    outputs = keras.layers.Add()([stem, back])
    outputs = keras.layers.Dense(2, name="dense")(keras.layers.Flatten()(outputs))
    model = with_random_weights(keras.Model(inputs, outputs))
    channel_graph = ChannelGraph(model)
    plan = plan_removal(channel_graph, {"inner": np.zeros(5)})
    small = PruningPlan.of(plan).apply(model)
    left = remaining(channel_graph, plan)
    assert left["parameters"] == small.count_params()
    kernels = [small.get_layer(name).kernel for name in ("stem", "dense")]
    assert left["weights"] == sum(int(np.prod(kernel.shape)) for kernel in kernels)
    assert left["macs"] == count_macs(small).total


def unread():
    """A product is read by a convolution alone, of which nothing may be left."""
    inputs = keras.Input((4, 4, 3))
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="stem")(inputs)
    gate = layers.Conv2D(6, 1, name="gate")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    y = layers.Conv2D(5, 3, padding="same", name="side")(layers.Multiply()([x, gate]))
    x = layers.GlobalAveragePooling2D()(layers.Concatenate()([x, y]))
    return with_random_weights(keras.Model(inputs, layers.Dense(3, name="head")(x)))


def test_what_nothing_reads_any_more_does_not_count():
    model = unread()
    channel_graph = ChannelGraph(model)
    plan = plan_removal(
        channel_graph, {"side": np.zeros(5), "stem": np.float32([1, 0, 1, 1, 1, 1])}
    )
    small = PruningPlan.of(plan).apply(model)
    assert {"gate", "side"}.isdisjoint(layer.name for layer in small.layers)
    left = remaining(channel_graph, plan)
    assert left["parameters"] == small.count_params()
    assert left["weights"] == sum(int(np.prod(w.shape)) for w in small.weights if w.ndim > 1)
    assert left["macs"] == count_macs(small).total


def test_new_biases_of_what_is_folded_away_do_not_count():
    inputs = keras.Input((4,))
    x = layers.Dense(3, name="stem")(inputs)
    y = layers.Dense(5, "relu", name="mid")(x)
    y = layers.Dense(3, use_bias=False, name="out")(y)
    model = with_random_weights(keras.Model(inputs, layers.Dense(2)(layers.Add()([x, y]))))
    cut = np.zeros((3, 5), "float32")
    cut[0, 0] = 1
    factors = {"mid": np.float32([0, 1, 1, 1, 1]), "mid/connections": cut}
    channel_graph = ChannelGraph(model)
    plan = plan_removal(channel_graph, factors)
    assert (
        remaining(channel_graph, plan)["parameters"] == compact(channel_graph, plan).count_params()
    )
