"""A layer that no rule knows, at every place of five architectures: refused, never guessed."""

import keras
import numpy as np
import pytest
from helpers.checks import draw_masks, with_random_weights
from helpers.exactness import check_exact_graph
from helpers.opaque import Opaque
from helpers.synthetic.registry import block, conv, head, image
from keras import layers, ops

from keras_switcher import SwitcherModel, channel_groups, prune_channels
from keras_switcher.graph.rules import RULES


@keras.saving.register_keras_serializable("tests")
class Blend(Opaque):
    """Mixes channels and positions, in a way that no rule knows."""

    def __init__(self, share=0.5, **kwargs):
        super().__init__(**kwargs)
        self.share = share

    def build(self, shape):
        self.matrix = self.add_weight(shape=(shape[-1], shape[-1]), name="matrix")

    def call(self, inputs):
        return self.share * inputs + ops.matmul(ops.flip(inputs, axis=-1), self.matrix)

    def get_config(self):
        return {**super().get_config(), "share": self.share}


def plain(put):
    inputs = put(image())
    x = put(conv(inputs, "one", activation="relu"))
    x = put(layers.MaxPooling2D()(put(conv(x, "two", 6))))
    x = put(layers.Dense(7, activation="relu", name="three")(put(layers.Flatten()(x))))
    return put(head(x))


def residual(put):
    x = put(block(put(image()), "stem"))
    for i in range(2):
        y = put(conv(put(block(x, f"in{i}", 6)), f"out{i}"))
        x = put(layers.Add()([put(x), y]))
    return put(head(x))


def dense_net(put):
    x = put(conv(put(image()), "stem", 5))
    for i in range(2):
        y = put(layers.ReLU()(put(layers.BatchNormalization()(x))))
        y = put(conv(put(conv(y, f"in{i}", 6, 1)), f"out{i}", 4))
        x = put(layers.Concatenate()([put(x), y]))
    return put(head(x))


def inverted_bottleneck(put):
    x = put(block(put(image()), "stem", 5))
    y = put(block(x, "expand", 9, 1))
    y = put(layers.DepthwiseConv2D(3, padding="same", name="depthwise")(y))
    gate = put(layers.Reshape((1, 1, 9))(put(layers.GlobalAveragePooling2D()(y))))
    gate = put(conv(put(conv(gate, "reduce", 4, 1)), "gate", 9, 1, activation="sigmoid"))
    y = put(conv(put(layers.Multiply()([y, gate])), "project", 5, 1))
    return put(head(put(layers.Add()([x, y]))))


def encoder_decoder(put):
    one = put(block(put(image()), "one", 5))
    x = put(block(put(layers.MaxPooling2D()(one)), "two", 7))
    x = put(layers.Conv2DTranspose(6, 2, 2, name="up")(x))
    x = put(block(put(layers.Concatenate()([x, put(one)])), "three"))
    return put(conv(x, "head", 2, 1))


ARCHITECTURES = (plain, residual, dense_net, inverted_bottleneck, encoder_decoder)


def build(architecture, place):
    """The model with an unknown layer at a place, and the number of places."""
    count, inputs = 0, None

    def put(x):
        nonlocal count, inputs
        inputs = x if inputs is None else inputs
        count += 1
        return Blend(name="unknown")(x) if count - 1 == place else x

    outputs = architecture(put)
    return keras.Model(inputs, outputs, name=f"{architecture.__name__}_{place}"), count


PLACES = [(each, place) for each in ARCHITECTURES for place in range(build(each, None)[1])]
EVERY_THIRD = [
    pytest.param(*case, marks=pytest.mark.long if number % 3 else [])
    for number, case in enumerate(PLACES)
]


@pytest.mark.parametrize(("architecture", "place"), EVERY_THIRD)
def test_unknown_layer_is_refused_with_a_reason_and_all_else_stays_exact(architecture, place):
    model = with_random_weights(build(architecture, place)[0])
    groups = channel_groups(model)
    reason = "feeds 'unknown', and no rule is known for Blend"
    fed = model.get_layer("unknown").input
    if fed is not model.input and place < build(architecture, None)[1] - 1:
        assert f"not prunable: {reason}" in str(groups)
    small = check_exact_graph(model, *draw_masks(groups, 0.4), step=False)
    np.testing.assert_array_equal(
        small.get_layer("unknown").matrix, model.get_layer("unknown").matrix
    )


class Inner(layers.Layer):
    """Holds its kernel in a layer within."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.within = layers.Dense(4)

    def build(self, shape):
        self.within.build(shape)

    def call(self, inputs):
        return self.within(inputs)


def test_a_kernel_in_a_layer_within_has_no_gate(monkeypatch):
    def inner(call, reader):
        reader.consume(call, call.op.within.kernel, 0, -1)
        reader.label(call.output, -1, reader.produce(call, call.op.within.kernel, 1))

    monkeypatch.setitem(RULES, Inner, inner)

    inputs = keras.Input((3,))
    hidden = layers.Dense(5, name="hidden")(inputs)
    model = keras.Model(inputs, layers.Dense(2)(Inner(name="outer")(hidden)))
    with pytest.raises(ValueError, match="'outer' is not an attribute of that layer, so no gate"):
        SwitcherModel(model)


@pytest.mark.parametrize("merged", [layers.Add, layers.Multiply, layers.Concatenate])
def test_merging_layers_that_are_given_arrays_are_refused(merged):
    inputs = keras.Input((6,), batch_size=16)
    x = layers.Dense(8, "relu", name="fed")(layers.Dense(5, name="before")(inputs))
    x = merged(name="merged")([x, np.ones((16, 8), "float32")])
    model = with_random_weights(keras.Model(inputs, layers.Dense(2)(x)))
    groups = channel_groups(model)
    assert "is merged by 'merged' with an array" in str(groups)
    check_exact_graph(model, *draw_masks(groups, 0.4), step=False)
    SwitcherModel(model)


def test_softmax_over_all_axes_mixes_all_channels():
    inputs = keras.Input((6,), batch_size=16)
    x = layers.Dense(8, name="fed")(layers.Dense(5, name="before")(inputs))
    model = with_random_weights(keras.Model(inputs, layers.Dense(2)(ops.softmax(x, axis=None))))
    groups = channel_groups(model)
    assert [g.name for g in groups if "a Softmax over the channels" in str(g.reason)] == ["fed"]
    check_exact_graph(model, *draw_masks(groups, 0.4), step=False)


@pytest.mark.parametrize("scale", [2.0, np.float32(2), np.full(4, 2.0, "float32")])
def test_products_with_constants_are_not_sparse(scale):
    inputs = keras.Input((4,))
    model = with_random_weights(keras.Model(inputs, layers.Dense(3, name="head")(inputs * scale)))
    assert all(group.prunable for group in channel_groups(model) if group.is_input)
    check_exact_graph(model, {"head/inputs": np.arange(4) > 1}, {}, step=False)


@pytest.mark.only("tensorflow", reason="Keras has sparse tensors under TensorFlow alone.")
def test_inputs_from_sparse_tensors_stay():
    import tensorflow as tf

    inputs = keras.Input((4,), sparse=True)
    hidden = layers.Dense(6, "relu", name="hidden")(inputs)
    model = with_random_weights(keras.Model(inputs, layers.Dense(2)(hidden)))
    groups = {group.name: group for group in channel_groups(model)}
    assert groups["hidden/inputs"].reason == "is read by 'hidden' from a sparse tensor"
    small = prune_channels(model, {"hidden": np.arange(6) > 2})
    x = tf.sparse.from_dense(np.eye(4, dtype="float32"))
    factors = np.float32(np.arange(6) > 2)
    hidden = tf.nn.relu(model.layers[1].kernel + model.layers[1].bias) * factors
    np.testing.assert_allclose(small(x), model.layers[2](hidden), rtol=1e-5)
    assert list(SwitcherModel(model).scaling_factors()) == ["hidden"]
