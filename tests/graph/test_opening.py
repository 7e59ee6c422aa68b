"""Layers that are made of layers are opened, where what is inside computes the same."""

import pytest
from helpers.checks import masks_for
from helpers.composites import (
    ByHand,
    ConvNorm,
    Encoder,
    Join,
    Residual,
    Split,
    Tokens,
    pictures,
)
from helpers.exactness import check_exact_graph

import keras_switcher as ks


def prunable(model):
    return {group.name for group in ks.channel_groups(model) if group.prunable}


NETWORKS = {
    "a block": lambda: pictures(ConvNorm(8, name="block")),
    "blocks in a block": lambda: pictures(Residual(8, name="a"), Residual(5, name="b")),
    "several inputs and outputs": lambda: pictures(Split(5, name="split"), Join(7, name="join")),
    "kernels by hand": lambda: pictures(ByHand(9, name="hand")),
    "tokens": lambda: pictures(Tokens(8, name="tokens"), Encoder(12, name="encoder")),
}
PRUNABLE = {
    "a block": {"stem", "block/conv"},
    "blocks in a block": {"stem", "a/blocks_0/conv", "b/blocks_0/conv"},
    "several inputs and outputs": {"stem", "split/left", "split/right", "join/out"},
    "kernels by hand": {"stem", "hand/dense", "hand/einsum_dense"},
    "tokens": {"stem", "encoder/mlp/dense"},
}


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_inside_is_pruned_exactly(name):
    model = NETWORKS[name]()
    assert prunable(model) >= PRUNABLE[name]
    for seed in range(3):
        small = check_exact_graph(model, *masks_for(model, 0.5, seed))
    assert all(type(layer).__module__.startswith("keras.") for layer in small.layers) or (
        name == "blocks in a block"
    )
