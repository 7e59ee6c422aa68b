"""Removing channels is exact on chains of every layer that has a rule."""

import keras
import numpy as np
import pytest
from helpers.checks import (
    check_exact,
    check_independent,
    check_plain,
    draw_inputs,
    draw_masks,
    layers_of,
    masks_for,
    with_random_weights,
)
from helpers.exactness import check_exact_graph
from helpers.lengths import one_in_turn
from helpers.opaque import NOT_OPENED, Opaque
from keras import layers

from keras_switcher import channel_groups, prune_channels
from keras_switcher.graph.elementwise import ELEMENTWISE


def convolutions(rank, close, data_format="channels_last", shared_axes=None):
    """Two convolutions with a normalisation, activations, pooling and dropout between them."""

    def named(name, *args, **kwargs):
        if (name, rank) != ("SpatialDropout", 1):
            kwargs["data_format"] = data_format
        return getattr(layers, f"{name}{rank}D")(*args, **kwargs)

    first = data_format == "channels_first"
    return [
        keras.Input((2, *[9] * rank) if first else (*[9] * rank, 2)),
        named("Conv", 8, 3, padding="same", use_bias=False),
        layers.BatchNormalization(axis=1 if first else -1),
        layers.ReLU(negative_slope=0.1),
        named("MaxPooling", 2),
        named("SpatialDropout", 0.5),
        named("Conv", 10, 2, activation="gelu"),
        layers.PReLU(shared_axes=shared_axes),
        named("AveragePooling", 2, strides=1, padding="same"),
        *close(named, data_format),
        layers.Dense(12, activation="softsign"),
        layers.BatchNormalization(center=False),
        layers.Dropout(0.5),
        layers.Dense(3),
    ]


def flattened(named, data_format):
    return [layers.Flatten(data_format=data_format)]


def averaged(named, data_format):
    return [named("GlobalAveragePooling")]


def maximum_kept(named, data_format):
    return [named("GlobalMaxPooling", keepdims=True), layers.Flatten(data_format=data_format)]


CHAINS = {
    "dense": lambda: [
        keras.Input((9,)),
        layers.Dense(12),
        layers.BatchNormalization(scale=False, renorm=True),
        layers.PReLU(),
        layers.AlphaDropout(0.2),
        layers.Dense(10, activation="sigmoid", use_bias=False),
        layers.GaussianNoise(0.1),
        layers.Dense(3, activation="softmax"),
    ],
    "dense on sequences": lambda: [
        keras.Input((4, 7)),
        layers.Dense(10, activation="elu"),
        layers.GaussianDropout(0.1),
        layers.Dense(6),
        layers.LeakyReLU(),
        layers.Flatten(),
        layers.ELU(),
        layers.PReLU(),
        layers.Dense(5),
    ],
    "softmax inside": lambda: [
        keras.Input((6,)),
        layers.Dense(10, activation="relu"),
        layers.Dense(8),
        layers.Softmax(),
        layers.Dense(7, activation="softmax"),
        layers.ActivityRegularization(l2=0.1),
        layers.Dense(3),
    ],
    "softmax over positions": lambda: [
        keras.Input((6, 6, 2)),
        layers.Conv2D(8, 3, dilation_rate=2),
        layers.Softmax(axis=[1, 2]),
        layers.Identity(),
        layers.Conv2D(6, 1),
        layers.Activation("hard_silu"),
        layers.GlobalMaxPooling2D(),
        layers.Dense(3),
    ],
    "nested": lambda: [
        keras.Input((8,)),
        keras.Sequential(
            [
                keras.Input((8,)),
                layers.Dense(10, activation="relu"),
                keras.Sequential([keras.Input((10,)), layers.Dense(9), layers.ReLU()]),
            ]
        ),
        layers.BatchNormalization(),
        layers.Dense(3),
    ],
    "dense on an image": lambda: [
        keras.Input((5, 4, 2)),
        layers.Flatten(),
        layers.Dense(12, activation="relu"),
        layers.Dense(3),
    ],
    "conv 1D flattened": lambda: convolutions(1, flattened),
    "conv 1D averaged": lambda: convolutions(1, averaged, shared_axes=[1]),
    "conv 2D flattened": lambda: convolutions(2, flattened, shared_axes=[1, 2]),
    "conv 2D averaged": lambda: convolutions(2, averaged),
    "conv 2D maximum kept": lambda: convolutions(2, maximum_kept),
    "conv 3D flattened": lambda: convolutions(3, flattened),
    "conv 3D maximum kept": lambda: convolutions(3, maximum_kept, shared_axes=[1, 2, 3]),
    "channels first flattened": lambda: convolutions(2, flattened, "channels_first"),
    "channels first averaged": lambda: convolutions(2, averaged, "channels_first", [2, 3]),
    "channels first maximum kept": lambda: convolutions(2, maximum_kept, "channels_first"),
}


def chain(name):
    return with_random_weights(keras.Sequential(CHAINS[name](), name=name.replace(" ", "_")))


LIGHT = 0.3


@pytest.mark.parametrize(("name", "removed"), one_in_turn((0.5, 0.8, LIGHT), CHAINS))
def test_pruning_is_exact(name, removed):
    model = chain(name)
    keep, scale = masks_for(model, removed)
    small = check_exact(model, keep, scale, exported=name in ("dense", "conv 2D flattened"))
    if removed != LIGHT:
        check_plain(small, draw_inputs(model))
        check_independent(model, small, draw_inputs(model))


@pytest.mark.parametrize("name", [name for name in CHAINS if "softmax inside" not in name])
def test_every_kernel_but_the_last_makes_prunable_channels(name):
    model = chain(name)
    kernels = [layer.name for layer in layers_of(model) if hasattr(layer, "kernel")]
    prunable = [group.name for group in channel_groups(model) if group.producers and group.prunable]
    assert prunable == kernels[:-1]


def test_elementwise_activations_are_known_and_no_others():
    x = np.random.default_rng(0).normal(size=(50, 4)).astype("float32")
    for name, function in vars(keras.activations).items():
        if name in ("get", "serialize", "deserialize", "threshold") or not callable(function):
            continue
        whole = np.asarray(function(x))
        alone = np.concatenate([function(x[:, :2]), function(x[:, 2:])], axis=1)
        elementwise = whole.shape == alone.shape and np.allclose(whole, alone, atol=1e-6)
        assert elementwise == (function in ELEMENTWISE), name


class Cumulative(Opaque):
    """Mixes channels in a way that no rule knows."""

    def call(self, inputs):
        return keras.ops.cumsum(inputs, axis=-1)


BASE = [
    lambda: layers.Conv2D(6, 3, name="first"),
    lambda: layers.BatchNormalization(),
    lambda: layers.Conv2D(8, 2, activation="relu", name="second"),
    lambda: layers.MaxPooling2D(),
    lambda: layers.Flatten(),
    lambda: layers.Dense(10, activation="relu", name="third"),
    lambda: layers.Dense(3, name="head"),
]


@pytest.mark.parametrize("place", range(len(BASE) + 1))
def test_unknown_layer_locks_what_it_reads_and_nothing_else(place):
    stack = [make() for make in BASE]
    stack.insert(place, Cumulative(name="unknown"))
    model = with_random_weights(keras.Sequential([keras.Input((8, 8, 2)), *stack]))
    groups = channel_groups(model)
    reasons = {group.name: group.reason for group in groups if group.producers}
    read = [layer.name for layer in stack[:place] if hasattr(layer, "kernel")][-1:]
    for name in ("first", "second", "third"):
        locked = f"feeds 'unknown', and no rule is known for Cumulative; {NOT_OPENED}"
        assert reasons[name] == (locked if name in read else None)
    assert reasons["head"] is not None
    check_exact(model, *draw_masks(groups, 0.4))


@pytest.mark.parametrize("bias", ["d", "bd", None])
def test_einsum_dense_passes_channels_along_fixed_axes(bias):
    x = inputs = keras.Input((6, 5))
    x = layers.Permute((2, 1))(layers.Dense(8, "relu", name="passing")(x))
    x = layers.EinsumDense("abc,cd->abd", (8, 4), bias_axes=bias, name="einsum")(x)
    model = keras.Model(inputs, layers.Dense(3)(layers.Permute((2, 1))(x)))
    assert channel_groups(model)[0].prunable
    check_exact_graph(with_random_weights(model), *masks_for(model))


def test_slices_mean_the_same_after_loading(tmp_path):
    x = inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, activation="relu", name="sliced")(x)
    gate = layers.Dense(8, "sigmoid", name="gate")(layers.GlobalAveragePooling2D()(x))
    x = layers.Conv2D(5, 3, name="reads")((x * gate[:, None, None, :])[..., 2:7])
    model = keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))
    model.save(tmp_path / "slices.keras")
    loaded = with_random_weights(keras.models.load_model(tmp_path / "slices.keras"))
    groups = {group.name: group.reason for group in channel_groups(model)}
    assert groups == {group.name: group.reason for group in channel_groups(loaded)}
    assert groups["sliced"] is None
    check_exact_graph(loaded, *masks_for(loaded))


@pytest.mark.parametrize("gone", [[7], [6, 7], [0], [3], [1, 7], [2, 3, 4], [0, 1, 5]])
@pytest.mark.parametrize(
    ("start", "stop"),
    [
        (-6, -2),
        (None, -2),
        (-7, 6),
        (-3, None),
        (None, 5),
        (2, None),
        (2, 6),
        (-8, 8),
        (None, None),
    ],
)
def test_bounds_of_slices_may_be_counted_from_the_end(start, stop, gone):
    x = inputs = keras.Input((6,))
    x = layers.Dense(8, "relu", name="sliced")(x)
    part = layers.Dense(3, name="part")(x[:, start:stop])
    model = with_random_weights(keras.Model(inputs, [part, layers.Dense(2, name="all")(x)]))
    keep = ~np.isin(np.arange(8), gone)
    if not keep[start:stop].any():
        return
    small = prune_channels(model, {"sliced": keep}, verify=False)
    assert small.get_layer("sliced").units == keep.sum()
    masked = keras.models.clone_model(model)
    masked.set_weights(model.get_weights())
    part, whole = (masked.get_layer(name).kernel for name in ("part", "all"))
    part.assign(part * keep[start:stop, None])
    whole.assign(whole * keep[:, None])
    x = draw_inputs(model)
    for one, other in zip(small(x), masked(x), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
