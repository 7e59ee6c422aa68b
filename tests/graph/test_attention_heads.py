"""Whole heads of attention: how they are grouped, cut, scaled and removed."""

import keras
import numpy as np
import pytest
from helpers.checks import check_close, draw_inputs, with_random_weights
from helpers.composites import Composite
from helpers.exactness import check_exact_graph
from keras import layers, ops

import keras_switcher as ks
from keras_switcher import channel_groups, prune_channels
from keras_switcher.layers import Gated


def residual_attention(heads=4, width=3, kept_width=3):
    """A sequence, to which what heads make of it is added."""
    x = inputs = keras.Input((5, 6))
    query, key, value = (
        layers.EinsumDense("abc,cde->abde", (None, heads, size), bias_axes="de", name=name)(x)
        for name, size in (("query", width), ("key", width), ("value", kept_width))
    )
    scores = layers.Softmax()(ops.einsum("aecd,abcd->acbe", key, query) / width**0.5)
    y = ops.einsum("acbe,aecd->abcd", scores, value)
    y = layers.EinsumDense("abcd,cde->abe", (None, 6), bias_axes="e", name="merged")(y)
    outputs = layers.Dense(2, name="head")(layers.Flatten()(x + y))
    return with_random_weights(keras.Model(inputs, outputs, name="attention"))


def test_heads_are_one_group_of_queries_keys_values_and_output():
    groups = {group.name: group for group in channel_groups(residual_attention())}
    heads = groups["key/heads"]
    assert str(heads) == (
        "key/heads: 4 channels\n  made by key\n  made by query\n  made by value\n"
        "  read by merged\n  prunable"
    )
    assert [producer.axis for producer in heads.producers] == [1, 1, 1]
    assert (groups["value"].prunable, groups["value"].consumers[0].kernel_axis) == (True, 1)
    assert all("is summed over" in groups[name].reason for name in ("query", "key"))


@pytest.mark.parametrize("left", [1, 2, 3])
def test_any_number_of_heads_may_stay(left):
    model = residual_attention(kept_width=4)
    keep = {"key/heads": np.arange(4) >= 4 - left, "value": np.array([True, False, True, True])}
    scale = {"key/heads": np.linspace(0.5, 2, 4), "value": np.linspace(2, 0.3, 4)}
    small = check_exact_graph(model, keep, scale)
    shapes = {n: small.get_layer(n).kernel.shape for n in ("query", "key", "value", "merged")}
    assert shapes == {
        "query": (6, left, 3),
        "key": (6, left, 3),
        "value": (6, left, 3),
        "merged": (left, 3, 6),
    }


@pytest.mark.parametrize("emptied", ["key/heads", "value"])
def test_attention_without_heads_or_width_is_a_constant(emptied):
    model = residual_attention()
    small = prune_channels(model, {emptied: np.zeros(4 if emptied != "value" else 3, bool)})
    names = {layer.name for layer in small.layers}
    assert not names & {"query", "key", "value", "merged"}
    x = draw_inputs(model)
    merged = ops.convert_to_numpy(model.get_layer("merged").bias)
    head = model.get_layer("head")
    expected = ops.convert_to_numpy(head(layers.Flatten()(x + merged)))
    check_close(small(x), expected)


def test_weights_and_macs_are_counted_along_both_axes():
    model = residual_attention()
    keep = {"key/heads": np.arange(4) > 1, "value": np.arange(3) > 0}
    small = prune_channels(model, keep)
    for count in (ks.count_macs, ks.count_parameters):
        assert count(small)["value"] * 3 == count(model)["value"]
        assert count(small)["merged"] < count(model)["merged"]
    assert ks.count_macs(small)["merged"] == 5 * 2 * 2 * 6


def test_a_gate_scales_a_kernel_along_several_axes():
    layer = layers.EinsumDense("abcd,cde->abe", (None, 6), name="merged")
    gate = Gated(layer, axis=[0, 1])
    x = np.random.default_rng(0).normal(size=(2, 5, 4, 3)).astype("float32")
    heads, width = np.float32([1, 0, 0.5, 2]), np.float32([0, 1, 3])
    outputs = gate(x, factors=[heads, width])
    kernel = ops.convert_to_numpy(layer.kernel) * heads[:, None, None] * width[:, None]
    check_close(outputs, np.einsum("abcd,cde->abe", x, kernel))
    again = Gated.from_config(gate.get_config())
    assert again.axis == gate.axis == (0, 1)
    with pytest.raises(ValueError, match="one vector per axis that 'merged' mixes"):
        gate(x, factors=[width, heads])


def test_training_compacts_to_what_it_evaluated():
    model = residual_attention()
    switcher = ks.SwitcherModel(model, switcher="row")
    x, y = draw_inputs(model, 32), np.random.default_rng(0).normal(size=(32, 2))
    switcher.compile("sgd", "mse", switcher_optimizer="sgd")
    switcher.fit(x, y, epochs=1, verbose=0)
    assert {"key/heads", "value"} <= {record.name for record in switcher.records}
    expected = switcher.predict(x, verbose=0)
    check_close(switcher.compact()(x), expected)


@keras.saving.register_keras_serializable("heads")
class Causal(Composite):
    """Attention to what came before, by a mask for each sample."""

    def build(self, shape):
        self.attention = layers.MultiHeadAttention(2, 4)
        self.attention.build(shape, shape)

    def call(self, x):
        samples, length, _ = ops.shape(x)
        mask = ops.broadcast_to(np.tri(length, dtype=bool), (samples, length, length))
        return self.attention(x, x, attention_mask=mask)


def test_a_mask_for_each_sample_is_repeated():
    inputs = keras.Input((4, 6))
    x = Causal(name="own")(layers.Dense(6)(inputs))
    outputs = layers.Dense(2, name="head")(layers.Flatten()(x))
    model = with_random_weights(keras.Model(inputs, outputs))
    groups = {group.name: group for group in channel_groups(model)}
    heads = groups["own/attention/query_dense/heads"]
    assert (heads.size, heads.prunable) == (2, True)
    check_exact_graph(model, {heads.name: np.array([True, False])})
    small = prune_channels(model, {heads.name: np.array([False, True])})
    x = draw_inputs(model)
    for number in (1, 3):
        check_close(small(x[:number]), small(x)[:number], "fewer samples")
