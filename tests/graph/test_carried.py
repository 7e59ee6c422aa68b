"""Masks and optional inputs: what may be left out closes the layers that it reaches alone."""

import keras
import numpy as np
import pytest
from helpers.checks import check_close, draw_inputs, masks_for, run_gated, with_random_weights
from helpers.composites import Composite, ConvNorm
from keras import layers

import keras_switcher as ks


@keras.saving.register_keras_serializable("carried")
class Mlp(Composite):
    """Two Dense layers, to which what it reads is added."""

    def __init__(self, width=8, **kwargs):
        super().__init__(width, **kwargs)
        self.supports_masking = True

    def build(self, shape):
        self.first, self.second = layers.Dense(self.width, "gelu"), layers.Dense(shape[-1])
        self.first.build(shape)
        self.second.build((*shape[:-1], self.width))

    def call(self, x):
        return x + self.second(self.first(x))


@keras.saving.register_keras_serializable("carried")
class Masked(Mlp):
    """The same on tokens that are not zero."""

    def build(self, shape):
        self.masking = layers.Masking()
        super().build(shape)

    def call(self, x):
        return super().call(self.masking(x))


@keras.saving.register_keras_serializable("carried")
class Summed(Mlp):
    """The same of a sum with another tensor, if there is one."""

    def build(self, x_shape, other_shape=None):
        super().build(x_shape)

    def call(self, x, other=None):
        return super().call(x if other is None else x + other)


def reason(model, name):
    """Why the kernels within a layer are not followed."""
    found = {group.name: group.reason for group in ks.channel_groups(model)}
    assert not any(group.startswith(f"{name}/") for group in found)
    return next(each for each in found.values() if each and f"'{name}'" in each)


def check(model, *inputs):
    """The gated network is the network, and the compact one computes what it does."""
    keep, scale = masks_for(model)
    small = ks.prune_channels(model, keep, scale)
    factors = {name: np.float32(keep[name] * scale[name]) for name in keep}
    ones = {name: np.ones_like(factor) for name, factor in factors.items()}
    for x in inputs:
        check_close(run_gated(model, ones, x), model(x))
        check_close(small(x), run_gated(model, factors, x))
    return small


def tokens(mask_zero=True):
    inputs = keras.Input((5,), dtype="int32", name="tokens")
    return inputs, layers.Embedding(9, 8, mask_zero=mask_zero, name="words")(inputs)


def test_layers_that_no_mask_reaches_are_opened():
    """Before the mask is made, behind a mean that has used it, and beside it."""
    inputs, x = tokens()
    x = layers.LSTM(6, return_sequences=True)(x)
    x = layers.GlobalAveragePooling1D()(x)
    pictures = keras.Input((8, 8, 3), name="pictures")
    y = ConvNorm(6, name="block")(pictures)
    y = layers.GlobalAveragePooling2D()(y)
    z = Mlp(12, name="mlp")(layers.Dense(8)(layers.Concatenate()([x, y])))
    model = with_random_weights(keras.Model([inputs, pictures], layers.Dense(2)(z)))
    prunable = {group.name for group in ks.channel_groups(model) if group.prunable}
    assert prunable >= {"block/conv", "mlp/first"}
    x = draw_inputs(model)
    x[0][:, 3:] = 0  # Masked.
    check(model, x)


def test_what_makes_masks_within_is_opened():
    inputs = keras.Input((5, 8))
    x = Masked(name="masked")(layers.Dense(8, name="stem")(inputs))
    model = keras.Model(inputs, layers.Dense(2)(layers.LSTM(4)(Mlp(name="mlp")(x))))
    with_random_weights(model)
    prunable = {group.name for group in ks.channel_groups(model) if group.prunable}
    assert prunable >= {"masked/first", "mlp/first"}
    x = draw_inputs(model)
    x[:, 3:] = 0
    check(model, x)


@pytest.mark.filterwarnings("ignore:Layer 'inner' .* was passed an input with a mask")
def test_masks_go_on_into_nested_networks():
    inner_inputs = keras.Input((5, 8))
    inner = keras.Model(inner_inputs, Mlp(name="mlp")(layers.Dense(8)(inner_inputs)), name="inner")
    for mask_zero in (True, False):
        inputs, x = tokens(mask_zero)
        outputs = layers.Dense(2)(layers.GlobalAveragePooling1D()(inner(x)))
        model = with_random_weights(keras.Model(inputs, outputs))
        assert "mlp/first" in {group.name for group in ks.channel_groups(model) if group.prunable}
        check(model, np.array([[1, 2, 3, 0, 0], [4, 0, 5, 6, 7]]))


@pytest.mark.parametrize("through", [layers.Identity, layers.Dropout])
def test_a_layer_that_reads_what_may_be_left_out_stays_closed(through):
    inputs = [keras.Input((4,), name="a"), keras.Input((4,), name="b", optional=True)]
    x = Mlp(7, name="mlp")(layers.Dense(4, name="stem")(inputs[0]))
    x = Summed(name="sum")(x, through(0.5)(inputs[1]) if through is layers.Dropout else inputs[1])
    model = with_random_weights(keras.Model(inputs, layers.Dense(2)(Mlp(6, name="last")(x))))
    assert "an input that it reads may be left out" in reason(model, "sum")
    prunable = {group.name for group in ks.channel_groups(model) if group.prunable}
    assert prunable >= {"mlp/first", "last/first"}
    x = draw_inputs(model)
    small = check(model, x)
    keep, scale = masks_for(model)
    factors = {name: np.float32(keep[name] * scale[name]) for name in keep}
    check_close(small([x[0], None]), run_gated(model, factors, [x[0], np.zeros_like(x[1])]))
