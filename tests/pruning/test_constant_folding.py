"""A branch of which nothing is left goes as a whole, and leaves its constant behind."""

import keras
import numpy as np
import pytest
from helpers.checks import (
    check_close,
    check_plain,
    draw_inputs,
    masks_for,
    run_gated,
    with_random_weights,
)
from helpers.exactness import check_exact_graph
from helpers.toys import in_double
from keras import layers

from keras_switcher import prune_channels
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.planning import plan_removal
from keras_switcher.pruning.surgery import compact


def convolution(x, name, filters=6, size=3):
    x = layers.Conv2D(filters, size, padding="same", name=name)(x)
    return layers.BatchNormalization(name=f"{name}_norm")(x)


def residual(x):
    """Two 3x3 convolutions around which a sum leads; the second sees the border of a constant."""
    branch = layers.ReLU()(convolution(x, "first"))
    branch = layers.ReLU()(convolution(branch, "last"))
    return layers.Add()([x, convolution(branch, "back", filters=8)])


def residual_of_raw_operations(x):
    branch = layers.ReLU()(convolution(x, "last"))
    return x + 0.5 * convolution(branch, "back", filters=8)


def difference(x):
    branch = layers.ReLU()(convolution(x, "last"))
    return layers.Subtract()([convolution(branch, "back", filters=8), x])


def squeeze_and_excite(x):
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(3, 1, activation="relu", name="last")(gate)
    gate = layers.Conv2D(8, 1, activation="sigmoid", name="back")(gate)
    return layers.Multiply()([x, gate])


def scaled_residual(x):
    """As in InceptionResNetV2."""
    from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

    branch = layers.ReLU()(convolution(x, "last"))
    return CustomScaleLayer(0.2)([x, convolution(branch, "back", filters=8)])


def concatenation(x):
    """The channels themselves are gone: one part less."""
    return layers.Concatenate()([convolution(x, "other"), convolution(x, "last")])


BRANCHES = [
    residual,
    residual_of_raw_operations,
    difference,
    squeeze_and_excite,
    scaled_residual,
    concatenation,
]


def network(branch, size=7):
    inputs = keras.Input((size, size, 2))
    x = convolution(inputs, "stem", filters=8)
    x = layers.ReLU()(branch(x))
    x = layers.Conv2D(5, 3, activation="relu", name="next")(x)
    outputs = layers.Dense(3, name="head")(layers.GlobalAveragePooling2D()(x))
    return with_random_weights(keras.Model(inputs, outputs))


def emptied(model, removed=0.5):
    keep, scale = masks_for(model, removed)
    keep["last"] = np.zeros_like(keep["last"])
    return keep, scale


@pytest.mark.parametrize("removed", [0, 0.5])
@pytest.mark.parametrize("branch", BRANCHES)
def test_branch_goes_and_outputs_stay(branch, removed):
    model = network(branch)
    keep, scale = emptied(model, removed)
    small = prune_channels(model, keep, scale)
    x = draw_inputs(model)
    factors = {name: np.float32(keep[name] * scale[name]) for name in keep}
    check_close(small(x, training=False), run_gated(model, factors, x), branch.__name__)
    check_plain(small, x)
    names = {layer.name for layer in small.layers}
    assert not names & {"first", "first_norm", "last", "last_norm", "back", "back_norm"}
    assert {"stem", "next", "head"} <= names


def test_compact_model_without_a_branch_is_pruned_again():
    model = network(residual)
    small = prune_channels(model, *emptied(model))
    keep, scale = masks_for(small, 0.5)
    x = draw_inputs(small)
    factors = {name: np.float32(keep[name] * scale[name]) for name in keep}
    again = prune_channels(small, keep, scale)
    check_close(again(x, training=False), run_gated(small, factors, x), "pruned twice")


def test_plan_counts_the_whole_branch():
    model = network(residual)
    channel_graph = ChannelGraph(model)
    plan = plan_removal(channel_graph, {"last": np.zeros(6)})
    kept = {name: int(mask.sum()) for name, mask in plan.keep.items()}
    assert kept["first"] == kept["last"] == 0
    assert kept["stem"] == 8


def test_sum_with_nothing_left_on_either_side_is_refused():
    inputs = keras.Input((4,))
    sides = [
        layers.Dense(3, name=f"back_{name}")(layers.Dense(5, name=name)(inputs)) for name in "ab"
    ]
    model = keras.Model(inputs, layers.Dense(2, name="head")(layers.Add()(sides)))
    zeros = np.zeros(5, bool)
    with pytest.raises(ValueError, match=r"Nothing is left of 'b', 'a'.*computes a constant"):
        prune_channels(model, {"a": zeros, "b": zeros})


def test_constant_that_cannot_be_folded_is_named():
    inputs = keras.Input((4,))
    dead = layers.Dense(3, name="back")(layers.Dense(5, name="a")(inputs))
    joined = layers.Concatenate(name="joined")([dead, layers.Dense(3, name="b")(inputs)])
    model = keras.Model(inputs, layers.Dense(2)(joined))
    with pytest.raises(ValueError, match=r"left of 'a'.*'joined' would read a constant"):
        prune_channels(model, {"a": np.zeros(5, bool)})


@pytest.mark.parametrize("branch", [each for each in BRANCHES if each != squeeze_and_excite])
def test_open_size_is_named(branch):
    model = network(branch, size=None)
    with pytest.raises(ValueError, match=r"constant, at '(first|last)'\. .* be fixed, not"):
        prune_channels(model, {"last": np.zeros(6, bool)})


def test_branch_without_connections_leaves_the_constants_of_its_units():
    x = inputs = keras.Input((6,))
    x = layers.Dense(7, "tanh", name="start")(x)
    for bias in (True, False):
        y = layers.Dense(5, "sigmoid", name=f"cut_{bias}")(x)
        y = layers.Dense(7, "tanh", use_bias=bias, name=f"out_{bias}")(y)
        x = layers.Add()([x, y])
    nested = keras.Model(inputs, x, name="nested")
    inputs = keras.Input((6,))  # Arguments that are no tensors come with the calls.
    model = with_random_weights(
        keras.Model(inputs, layers.Dense(3)(nested(inputs, training=False)))
    )
    cut = {f"cut_{bias}/connections": np.zeros((7, 5), "float32") for bias in (True, False)}
    small = compact(ChannelGraph(model), plan_removal(ChannelGraph(model), cut))
    x = draw_inputs(model)
    for name, matrix in cut.items():
        kernel = nested.get_layer(name.removesuffix("/connections")).kernel
        kernel.assign(kernel * matrix)
    check_close(small(x), model(x))
    assert not any("cut" in layer.name or "out" in layer.name for layer in small.layers)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("flat", [True, False])
def test_what_a_branch_was_broadcast_to_stays(bias, flat):
    inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="start")(inputs)
    one = layers.GlobalAveragePooling2D(keepdims=not flat)(x)
    y = layers.Conv2D(5, 3, padding="same", activation="relu", name="branch")(x)
    y = layers.Conv2D(6, 1, use_bias=bias, name="back")(y)
    z = layers.Conv2D(4, 3, padding="same", name="reads")(layers.Add()([one, y]))
    model = with_random_weights(
        keras.Model(inputs, layers.Dense(3)(layers.GlobalMaxPooling2D()(z)))
    )
    check_exact_graph(model, {"branch": np.zeros(5, bool)}, step=False)


def test_constants_along_other_axes_than_the_last():
    """Here keras.ops.add would take what tokens get for what channels get: there are as many."""
    inputs = keras.Input((4, 3))
    x = layers.Dense(4, name="stem")(inputs)
    y = layers.Dense(5, "relu", name="of_tokens")(layers.Permute((2, 1))(x))
    y = layers.Permute((2, 1))(layers.Dense(4, name="back")(y))
    model = with_random_weights(keras.Model(inputs, layers.Dense(2)(layers.Add()([x, y]))))
    check_exact_graph(model, {"of_tokens": np.zeros(5, bool)}, step=False)


def test_constants_along_one_axis_of_a_single_channel():
    inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(4, 1, name="stem")(inputs)
    y = layers.Conv2D(6, 1, name="out")(layers.Conv2D(5, 1, name="mid")(x))
    y = layers.Conv2D(4, (1, 3), padding="same", name="wide")(y)
    model = with_random_weights(keras.Model(inputs, layers.Conv2D(3, 2)(layers.Add()([x, y]))))
    keep = {"stem": np.arange(4) < 1, "mid": np.zeros(5, bool)}
    check_exact_graph(model, keep, step=False)


@pytest.mark.parametrize(
    ("of_sum", "of_layers"),
    [("float32", "float16"), ("float64", "float32"), ("float32", "mixed_float16")],
)
def test_a_sum_of_which_one_side_is_left_keeps_its_precision(of_sum, of_layers):
    with in_double():
        check_precision(layers.Add(dtype=of_sum), of_layers, of_layers, of_sum)


def test_an_operation_of_which_one_side_is_left_keeps_its_precision():
    check_precision(lambda sides: sides[0] + sides[1], "float16", "float32", "float32")


def check_precision(join, of_left, of_dead, expected):
    inputs = keras.Input((6,))
    x = layers.Dense(8, dtype=of_left)(inputs)
    dead = layers.Dense(5, "relu", dtype=of_dead, name="a")(inputs)
    dead = layers.Dense(8, use_bias=False, dtype=of_dead)(dead)
    model = with_random_weights(keras.Model(inputs, join([x, dead])))
    small = prune_channels(model, {"a": np.zeros(5, bool)})
    assert small.output.dtype == model.output.dtype == expected
    x = draw_inputs(model)
    check_close(small(x), run_gated(model, {"a": np.zeros(5, "float32")}, x))


def heads(dead, x):
    return layers.MultiHeadAttention(2, 4, name="reader")(dead, x, use_causal_mask=True)


def nested(dead, x):
    a, b = keras.Input((5, 8)), keras.Input((5, 8))
    whole = keras.Model([a, b], layers.Attention(name="reader")([a, b]))
    return whole([dead, x], training=False)


@pytest.mark.parametrize("reader", [heads, nested])
def test_a_reader_of_a_constant_and_of_arguments_that_are_no_tensors_is_named(reader):
    inputs = keras.Input((5, 8))
    dead = layers.Dense(8, name="back")(layers.Dense(4, name="a")(inputs))
    model = keras.Model(inputs, layers.Dense(2)(reader(dead, inputs)))
    with pytest.raises(ValueError, match=r"left of 'a'.*'reader.*' would read a constant"):
        prune_channels(model, {"a": np.zeros(4, bool)})
