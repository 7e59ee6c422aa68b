"""Heads whose queries, keys and values one Dense layer makes: they go as wholes, and exactly."""

import keras
import numpy as np
import pytest
from helpers.checks import check_close, draw_inputs, masks_for
from helpers.exactness import check_exact_graph
from helpers.fused_heads import WAYS, functional_attention, vision_transformer
from keras import layers, ops

import keras_switcher as ks
from keras_switcher import channel_groups, prune_channels


@pytest.mark.parametrize("way", [*WAYS, 1, 2])
def test_heads_of_one_dense_layer_go_exactly(way):
    model = vision_transformer(way)
    groups = {group.name: group for group in channel_groups(model)}
    for name in ("block0/qkv", "block1/qkv", "mlp0", "mlp1"):
        assert groups[name].prunable, groups[name]
    assert groups["block0/qkv"].size == 3
    for seed in range(2):
        check_exact_graph(model, *masks_for(model, 0.5, seed))


@pytest.mark.parametrize("left", [1, 2])
def test_a_head_takes_its_columns_its_biases_and_its_rows(left):
    model = vision_transformer(blocks=1)
    keep = np.arange(3) < left
    small = prune_channels(model, {"block0/qkv": keep})
    block = model.get_layer("block0")
    columns = np.broadcast_to(keep[:, None], (3, 3, 4)).reshape(-1)
    for name, weight in (
        ("block0_qkv", block.qkv.kernel.numpy()[:, columns]),
        ("block0_table", block.table.numpy()[:, keep]),
        ("block0_proj", block.proj.kernel.numpy()[np.repeat(keep, 4)]),
    ):
        np.testing.assert_array_equal(small.get_layer(name).kernel.numpy(), weight)


def test_attention_without_heads_is_its_bias():
    model = functional_attention()
    small = prune_channels(model, {"qkv": np.zeros(3, bool)})
    assert not {"qkv", "proj"} & {layer.name for layer in small.layers}
    x = draw_inputs(model)
    made = x + ops.convert_to_numpy(model.get_layer("proj").bias)
    check_close(small(x), model.get_layer("head")(layers.Flatten()(made)))


def test_fused_heads_of_a_functional_model_go_exactly():
    model = functional_attention()
    check_exact_graph(model, *masks_for(model, 0.4))


def test_heads_among_the_samples_that_something_mixes_stay():
    inputs = keras.Input((5, 6))
    x = ops.reshape(layers.Dense(12, name="x")(inputs), (-1, 5, 3, 4))
    x = ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (-1, 5, 4))
    for mixed, where in (
        (layers.BatchNormalization(), lambda h: h),
        (layers.Identity(), lambda h: ops.softmax(h, axis=0)),
        (layers.Identity(), lambda h: h[::2, :]),
    ):
        h = ops.sum(where(mixed(ops.exp(x))), axis=2)
        outputs = layers.Dense(2)(h)
        group = channel_groups(keras.Model(inputs, outputs))[0]
        assert group.name == "x"
        assert not group.prunable


def test_heads_are_trained_to_a_budget():
    model = vision_transformer(blocks=1)
    switcher = ks.SwitcherModel(model, switcher="row")
    x, y = draw_inputs(model, 16), np.random.default_rng(0).normal(size=(16, 4))
    switcher.compile("sgd", "mse", switcher_optimizer="sgd")
    switcher.fit(x, y, epochs=1, verbose=0)
    assert "block0/qkv" in {record.name for record in switcher.records}
    check_close(switcher.compact()(x), switcher.predict(x, verbose=0))
