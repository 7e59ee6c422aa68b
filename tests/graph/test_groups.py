"""Which channels live or die together, and why some cannot be pruned."""

import keras
import numpy as np
import pytest
from helpers.checks import check_exact, draw_masks, with_random_weights
from helpers.networks import lenet5, mlp, two_heads
from hypothesis import given
from hypothesis import strategies as st
from keras import layers, ops

from keras_switcher import channel_groups
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.grouping import _roots

OUTPUT = "its channels are the model's output"


def sizes(model, **options):
    return {g.name: g.size for g in ChannelGraph(model, **options).groups if g.prunable}


def reasons(model):
    return {g.name: g.reason for g in channel_groups(model) if not g.prunable}


def test_groups_of_the_papers_networks():
    assert sizes(mlp()) == {"fc1/inputs": 784, "fc1": 300, "fc2": 100}
    assert reasons(mlp()) == {"fc3": OUTPUT}
    assert sizes(lenet5()) == {"conv1": 20, "conv2": 50, "fc1/inputs": 800, "fc1": 500}
    assert reasons(lenet5()) == {"fc2": OUTPUT}


def test_groups_print_what_makes_and_reads_them():
    conv1, conv2, _, _, positions = channel_groups(lenet5())
    assert str(conv1) == "conv1: 20 channels\n  made by conv1\n  read by conv2\n  prunable"
    assert "read by fc1, 16 each" in str(conv2)
    assert str(positions) == "fc1/inputs: 800 channels\n  are the inputs of fc1\n  prunable"


def test_depth_grows_along_the_chain():
    by_name = {group.name: group.depth for group in channel_groups(lenet5())}
    chain = [by_name[name] for name in ("conv1", "conv2", "fc1/inputs", "fc1", "fc2")]
    assert chain == sorted(chain)
    assert chain[0] > 0
    assert chain[-1] == 1


@given(
    shape=st.lists(st.integers(1, 4), min_size=2, max_size=4),
    data_format=st.sampled_from(["channels_first", "channels_last"]),
)
def test_positions_after_flatten_belong_to_the_channels_that_flatten_puts_there(shape, data_format):
    axis = 0 if data_format == "channels_first" else len(shape) - 1
    numbers = np.arange(shape[axis]).reshape([-1 if i == axis else 1 for i in range(len(shape))])
    flat = layers.Flatten(data_format=data_format)
    expected = np.asarray(flat(np.broadcast_to(numbers, shape)[None]))[0]
    conv = getattr(layers, f"Conv{len(shape) - 1}D")
    model = keras.Sequential(
        [
            keras.Input(shape),
            conv(shape[axis], 1, data_format=data_format, name="conv"),
            flat,
            layers.Dense(2, name="head"),
        ]
    )
    edge = ChannelGraph(model).edges[-1]
    np.testing.assert_array_equal(edge.index, expected)
    assert [group.name for group in edge.groups] == ["conv"]
    one_per_channel = len(expected) == shape[axis]
    assert (edge.input_group is None) == one_per_channel


@pytest.mark.parametrize("keepdims", [False, True])
def test_one_position_per_channel_needs_no_input_group(keepdims):
    pooled = [layers.GlobalAveragePooling2D(keepdims=keepdims), layers.Flatten()]
    parts = [keras.Input((6, 6, 2)), layers.Conv2D(4, 3, name="conv"), *pooled, layers.Dense(2)]
    assert sizes(keras.Sequential(parts)) == {"conv": 4}


def test_shared_layer_ties_what_it_reads_to_what_it_makes():
    inputs, shared = keras.Input((5,)), layers.Dense(8, activation="tanh", name="shared")
    hidden = layers.Dense(8, name="first")(inputs)
    model = keras.Model(inputs, layers.Dense(3, name="head")(shared(shared(hidden))))
    assert sizes(model) == {"first": 8, "first/inputs": 5}
    (group,) = [group for group in channel_groups(model) if group.name == "first"]
    assert [producer.name for producer in group.producers] == ["first", "shared"]
    assert [edge.call.name for edge in group.consumers] == ["shared", "shared:1", "head"]


def test_shared_layer_on_raw_inputs_has_one_input_group_for_all_its_calls():
    inputs, shared = keras.Input((5,)), layers.Dense(5, activation="tanh", name="shared")
    model = keras.Model(inputs, layers.Dense(3, name="head")(shared(shared(inputs))))
    assert sizes(model) == {"shared/inputs": 5}
    assert "belong to no group" in reasons(model)["shared"]


def softmax_inside(image):
    return layers.Conv2D(3, 1, activation="softmax", name="b")(image)


def mean_of_channels(image):
    x = ops.mean(layers.Conv2D(4, 1, name="b")(image), axis=-1, keepdims=True)
    return ops.concatenate([x, x, x], axis=-1)


def unknown_inside(units):
    """A network in a wrapper is not read."""
    return keras.Sequential([layers.Dense(units)])


def partly_unknown(image):
    unknown = layers.TimeDistributed(unknown_inside(1), name="td")(image)
    return layers.Concatenate(name="cat")([layers.Conv2D(2, 1, name="b")(image), unknown])


def unknown_before(image):
    return ops.relu(
        layers.MaxPooling2D(1)(layers.TimeDistributed(unknown_inside(3), name="td")(image))
    )


@pytest.mark.parametrize(
    ("other", "origin"),
    [
        (lambda image: image, "it is the model's input 'image'"),
        (lambda image: layers.ReLU()(image), "it comes from the model's input 'image'"),
        (
            lambda image: ops.reshape(layers.Flatten()(image), (-1, 4, 4, 3)),
            "it comes from the model's input 'image'",
        ),
        (unknown_before, "it comes from 'td' (TimeDistributed), for which no rule is known"),
        (partly_unknown, "it comes from 'td' (TimeDistributed), for which no rule is known"),
        (
            softmax_inside,
            "it comes from 'b' (Conv2D), where a channel goes through the activation softmax of "
            "'b': what it reads goes through 'Softmax', a Softmax over the channels",
        ),
        (mean_of_channels, "where a channel lies along axis 3 of the input of 'mean"),
    ],
)
def test_channels_without_a_group_have_an_origin(other, origin):
    image = keras.Input((4, 4, 3), name="image")
    x = layers.Add(name="sum")([layers.Conv2D(3, 1, name="a")(image), other(image)])
    model = keras.Model(image, layers.Dense(2, name="head")(layers.Flatten()(x)))
    found = [reason for name, reason in reasons(model).items() if "sum" in reason]
    assert len(found) == 1
    start = "is combined by 'sum' with a tensor whose channels belong to no group: "
    assert found[0].startswith(start)
    assert origin in found[0]


def test_shared_layers_on_channels_without_a_group_say_what_they_read_before():
    inputs, norm = keras.Input((5,)), layers.BatchNormalization(name="norm")
    parts = [norm(inputs), norm(layers.Dense(5, name="a")(inputs))]
    model = keras.Model(inputs, layers.Dense(2, name="head")(layers.Concatenate()(parts)))
    assert reasons(model)["a"] == (
        "goes through 'norm:1', which also reads a tensor whose channels belong to no group: it is "
        "the model's input"
    )


def test_layers_of_one_name_in_nested_models_have_groups_of_their_own():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(6, name="dense")], name="inner")
    again = keras.Sequential([keras.Input((6,)), layers.Reshape((3, 2)), layers.Flatten()])
    again.add(layers.Dense(5, name="dense"))
    model = keras.Sequential([keras.Input((4,)), inner, again, layers.Dense(2, name="head")])
    names = [group.name for group in channel_groups(model)]
    assert names == ["dense", "dense:1", "head", "dense/inputs", "dense:1/inputs"]


def low_rank(dense):
    dense.enable_lora(2)


def quantized(dense):
    dense.quantize("int8")


@pytest.mark.parametrize(
    ("change", "what"), [(low_rank, "has LoRA weights"), (quantized, "is quantized")]
)
def test_kernels_that_are_not_plain_are_refused_in_words(change, what):
    model = keras.Sequential([keras.Input((8,))])
    for name, size in [("first", 6), ("odd", 8), ("next", 7), ("head", 3)]:
        model.add(layers.Dense(size, activation="gelu", name=name))
    change(with_random_weights(model).get_layer("odd"))
    groups = channel_groups(model)
    assert reasons(model) == {"first": f"feeds 'odd', whose kernel {what}", "head": OUTPUT}
    check_exact(model, *draw_masks(groups, 0.5))


def hidden_softmax(model):
    model.add(layers.Dense(4, activation="softmax", name="hidden"))


def activation_layer(model):
    model.add(layers.Dense(4, name="hidden"))
    model.add(layers.Activation("softmax", name="soft"))


def softmax_layer(model):
    model.add(layers.Dense(4, name="hidden"))
    model.add(layers.Softmax(name="soft"))


def fixed_noise(model):
    model.add(layers.Dense(4, name="hidden"))
    model.add(layers.AlphaDropout(0.2, noise_shape=(None, 1, 4), name="drop"))


def short_noise(model):
    model.add(layers.Dense(4, name="hidden"))
    model.add(layers.Dropout(0.2, noise_shape=(None, 1), name="drop"))


def array_scale(model):
    model.add(layers.Dense(4, name="hidden"))
    model.add(layers.Rescaling([1.0, 2.0, 3.0, 4.0], name="scale"))


@pytest.mark.parametrize(
    ("add", "reason"),
    [
        (
            hidden_softmax,
            "goes through the activation softmax of 'hidden': what it reads goes through "
            "'Softmax', a Softmax over the channels",
        ),
        (
            activation_layer,
            "goes through the activation softmax of 'soft': what it reads goes through "
            "'Softmax', a Softmax over the channels",
        ),
        (softmax_layer, "goes through 'soft', a Softmax over the channels"),
        (fixed_noise, "goes through 'drop', whose noise_shape is fixed"),
        (short_noise, "goes through 'drop', whose noise_shape is fixed"),
        (array_scale, "goes through 'scale', whose scale or offset is an array"),
    ],
)
def test_reason_says_what_locks_a_group(add, reason):
    model = keras.Sequential([keras.Input((3, 5)), layers.Dense(6, name="before")])
    add(model)
    model.add(layers.Dense(4, name="after"))
    model.add(layers.Dense(2, name="head"))
    assert reasons(model) == {"hidden": reason, "head": OUTPUT}


def test_grouped_convolution_ties_the_channels_at_the_same_place_of_each_group():
    model = keras.Sequential([keras.Input((3, 5)), layers.Dense(4, name="hidden")])
    model.add(layers.Conv1D(6, 2, groups=2, name="grouped"))
    model.add(layers.Dense(2, name="head"))
    assert sizes(model) == {"hidden": 2, "grouped": 3, "hidden/inputs": 5, "head/inputs": 6}
    hidden, grouped, *_ = channel_groups(model)
    assert hidden.producers[0].channels.tolist() == [0, 1, 0, 1]
    assert grouped.producers[0].channels.tolist() == [0, 1, 2, 0, 1, 2]


def test_permuted_channels_keep_their_place_and_can_be_the_output():
    model = keras.Sequential([keras.Input((3, 5)), layers.Dense(4, name="hidden")])
    model.add(layers.Permute((2, 1), name="swap"))
    model.add(layers.Dense(2, name="head"))
    assert reasons(model) == {"hidden": OUTPUT, "head": OUTPUT}
    model.pop()
    model.add(layers.Flatten())
    model.add(layers.Dense(2, name="last"))
    assert sizes(model) == {"hidden": 4, "hidden/inputs": 5, "last/inputs": 12}


def test_every_dense_input_can_have_a_group():
    assert sizes(two_heads()) == {"hidden": 6, "hidden/inputs": 5}
    everywhere = {"hidden": 6, "hidden/inputs": 5, "one/inputs": 6, "two/inputs": 6}
    assert sizes(two_heads(), every_dense_input=True) == {**everywhere, "last/inputs": 3}
    alone = {"fc1/inputs": 784, "fc1": 300, "fc2": 100}
    assert sizes(mlp(), every_dense_input=True) == alone


@given(st.integers(1, 12), st.data())
def test_roots_are_the_smallest_number_of_all_that_are_coupled(count, data):
    number = st.integers(0, count - 1)
    pairs = data.draw(st.lists(st.tuples(number, number), max_size=15))
    sets = [{i} for i in range(count)]
    for a, b in pairs:
        merged = sets[a] | sets[b]
        for member in merged:
            sets[member] = merged
    found = _roots(count, [(np.array([a]), np.array([b])) for a, b in pairs])
    assert found.tolist() == [min(members) for members in sets]
