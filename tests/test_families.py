"""KerasHub's networks: compact ones are exact, and what is in layers of layers is prunable.

`python -m recipes.benchmarks.families` measures all of them, at their own depths.
"""

import gc

import keras
import numpy as np
import pytest

pytest.importorskip("keras_hub", reason="It needs the extra `families`.")

from helpers import hub_networks
from helpers.checks import check_close

from keras_switcher import SwitcherModel
from keras_switcher.graph.channel_graph import ChannelGraph
from recipes.benchmarks.exactness import compare, draw_inputs, with_random_weights
from recipes.benchmarks.families import producing_layers, why_whole
from recipes.benchmarks.zoo import is_prunable
from recipes.hub.families import with_heads

TOLERANCE = 1e-5
# The least share of the layers with kernels that is prunable: what is not makes the outputs, or
# what a LayerNormalization reads.
LEAST = {
    "resnet": 0.9,
    "mobilenet_v3": 0.9,
    "efficientnet_v2": 0.9,
    "hgnet_v2": 0.8,
    "retinanet": 0.7,
    "clip_vision": 8 / 14,  # All but patches, outputs and what goes back into the stream.
    "sam3_vision": 0.2,
}


@pytest.fixture(autouse=True)
def free_memory():
    yield
    keras.backend.clear_session()
    gc.collect()


def build(name):
    backbone = getattr(hub_networks, name)()
    with_random_weights(backbone, np.random.default_rng(0))
    return backbone, with_heads(backbone)


@pytest.mark.parametrize("name", LEAST)
def test_compact_network_equals_the_one_scaled_by_hand(name):
    _, model = build(name)
    channel_graph, producers = ChannelGraph(model), producing_layers(model)
    whole = [(x.name, why) for x, ks in producers if (why := why_whole(channel_graph, x, ks))]
    assert len(whole) <= (1 - LEAST[name]) * len(producers), whole
    comparison = compare(model, channel_graph, removed=0.5)
    assert comparison.difference <= TOLERANCE
    assert comparison.effect > 0.01
    assert comparison.small.count_params() < model.count_params()


@pytest.mark.only("tensorflow", reason="Elsewhere float64 is not float64 throughout.")
@pytest.mark.parametrize("name", ["mobilenet_v3", "hgnet_v2", "clip_vision"])
def test_compact_network_is_exact_in_double_precision(name):
    floatx = keras.config.floatx()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        _, model = build(name)
        comparison = compare(model, ChannelGraph(model), removed=0.5)
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(floatx)
    assert comparison.effect > 0.01
    assert comparison.difference <= 1e-12


@pytest.mark.parametrize("name", ["mobilenet_v3", "clip_vision"])
def test_wrapped_backbone_computes_the_same(name):
    backbone, _ = build(name)
    x = draw_inputs(backbone, np.random.default_rng(0))
    check_close(SwitcherModel(backbone)(x, training=False), backbone(x, training=False), name)


def test_layers_with_kernels_are_counted_where_they_are():
    """As in the zoo, where none is in another."""
    _, model = build("resnet")
    channel_graph = ChannelGraph(model)
    found = {
        layer.name: why_whole(channel_graph, layer, ks) for layer, ks in producing_layers(model)
    }
    kernels = [x for x in model.layers if hasattr(x, "kernel")]
    assert found.keys() == {layer.name for layer in kernels}
    free = {layer.name for layer in kernels if is_prunable(channel_graph, layer)}
    assert {name for name, why in found.items() if why is None} == free
