"""Masks: layers that read them or make them are opened, and the calls in them are told theirs."""

import keras
import numpy as np
import pytest
from helpers.checks import check_close, draw_inputs, masks_for, run_gated, with_random_weights
from helpers.composites import Composite
from keras import layers, ops

import keras_switcher as ks
from keras_switcher.graph.masks import mask_of

register = keras.saving.register_keras_serializable("masks")
IGNORED = "ignore:Layer '.*' .* was passed an input with a mask"
pytestmark = pytest.mark.filterwarnings(IGNORED)


@register
class Block(Composite):
    """Attention and two Dense layers; nothing in its code mentions masks."""

    def build(self, shape):
        self.attention = layers.MultiHeadAttention(2, 4)
        self.first, self.second = layers.Dense(self.width, "gelu"), layers.Dense(shape[-1])
        self.attention.build(shape, shape)
        self.first.build(shape)
        self.second.build((*shape[:-1], self.width))

    def call(self, x):
        x = x + self.attention(x, x)
        return x + self.second(self.first(x))


@register
class Told(Block):
    """The same, as keras.io's guide to translation has it: it is told the mask, and uses it."""

    def __init__(self, width=8, **kwargs):
        super().__init__(width, **kwargs)
        self.supports_masking = True

    def call(self, x, mask=None):
        pairs = None if mask is None else ops.cast(mask[:, None, :], "int32")
        x = x + self.attention(x, x, attention_mask=pairs)
        return x + self.second(self.first(x))


@register
class Recurrent(Composite):
    """A recurrent layer within, which finds the mask by itself, and hands it on."""

    def build(self, shape):
        self.first, self.second = layers.Dense(self.width), layers.Dense(5)
        self.cells = layers.LSTM(6, return_sequences=True)
        self.first.build(shape)
        self.second.build((*shape[:-1], self.width))
        self.cells.build((*shape[:-1], 5))

    def call(self, x):
        return self.cells(self.second(self.first(x)))


@register
class Around(Composite):
    """A layer that reads masks, within one that does not name them."""

    def build(self, shape):
        self.inner = Recurrent(self.width)
        self.last = layers.Dense(self.width)
        self.inner.build(shape)
        self.last.build((*shape[:-1], 6))

    def call(self, x):
        return self.last(self.inner(x))


@register
class Words(Composite):
    """A table of words and one of places; the sum carries the mask if `hands_on`."""

    def __init__(self, width=8, hands_on=False, **kwargs):
        super().__init__(width, **kwargs)
        self.hands_on = hands_on

    def build(self, shape):
        self.words = layers.Embedding(9, self.width, mask_zero=True)
        self.places = layers.Embedding(shape[-1], self.width)
        self.words.build(shape)
        self.places.build((shape[-1],))

    def call(self, x):
        return self.words(x) + self.places(ops.arange(x.shape[-1]))

    def compute_mask(self, inputs, previous_mask=None):
        return self.words.compute_mask(inputs) if self.hands_on else previous_mask

    def get_config(self):
        return {**super().get_config(), "hands_on": self.hands_on}


@register
class Noisy(Composite):
    """It draws random numbers in training, so it stays closed."""

    def build(self, shape):
        self.first = layers.Dense(self.width)
        self.first.build(shape)

    def call(self, x, training=None):
        return self.first(x) + (keras.random.normal((ops.shape(x)[0], 1, 1)) if training else 0)


def tokens():
    inputs = keras.Input((5,), dtype="int32", name="tokens")
    return inputs, layers.Embedding(9, 8, mask_zero=True, name="words")(inputs)


def built(inputs, x, pools=True):
    """A network with a hidden layer behind the mean over positions, which uses masks."""
    x = layers.GlobalAveragePooling1D(name="mean")(x) if pools else x
    return with_random_weights(keras.Model(inputs, layers.Dense(2)(layers.Dense(6)(x))))


def prunable(model):
    return {group.name for group in ks.channel_groups(model) if group.prunable}


def check(model):
    """The network in which layers are opened is the network, also where nothing is masked."""
    x = draw_inputs(model)
    keep, scale = masks_for(model)
    factors = {name: np.float32(keep[name] * scale[name]) for name in keep}
    small = ks.prune_channels(model, keep, scale)
    for words in (np.where(np.arange(5) < 3, x, 0), np.maximum(x, 1), x):
        ones = {name: np.ones_like(factor) for name, factor in factors.items()}
        check_close(run_gated(model, ones, words), model(words, training=False))
        check_close(small(words), run_gated(model, factors, words))
    masked = np.where(np.arange(5) < 3, x, 0)  # It would be noticed if a mask were lost.
    other = np.where(np.arange(5) < 3, x, 1)
    assert np.abs(small(masked) - small(other)).max() > 1e-3
    return small


def several_blocks():
    inputs, x = tokens()
    return built(inputs, Block(7, name="b")(Block(8, name="a")(x)))


def blocks_that_are_told():
    inputs = keras.Input((5,), dtype="int32", name="tokens")
    x = Words(8, hands_on=True, name="words")(inputs)
    x = layers.LSTM(6)(Told(7, name="b")(Told(8, name="a")(x)))
    return built(inputs, x, pools=False)


def recurrent_within():
    inputs, x = tokens()
    return built(inputs, layers.BatchNormalization()(Recurrent(7, name="a")(x)))


def masks_that_inner_layers_find():
    inputs, x = tokens()
    return built(inputs, Around(7, name="a")(x))


def attention_and_a_sum():
    inputs, x = tokens()
    x = x + layers.MultiHeadAttention(2, 4, name="attention")(x, x)
    return built(inputs, Block(7, name="a")(layers.Dropout(0.5)(layers.Dense(8)(x))))


def nested_networks():
    inputs, x = tokens()
    inner_inputs = keras.Input((5, 8))
    inner_outputs = layers.LSTM(8, return_sequences=True)(Block(9, name="b")(inner_inputs))
    x = keras.Model(inner_inputs, inner_outputs, name="inner")(Told(7, name="a")(x))
    return built(inputs, layers.Flatten()(x), pools=False)


OPENED = {
    several_blocks: {"a/first", "b/first", "a/attention/query_dense/heads"},
    blocks_that_are_told: {"a/first", "b/first", "a/attention/query_dense/heads"},
    recurrent_within: {"a/first"},
    masks_that_inner_layers_find: {"a/inner/first", "a/last"},
    attention_and_a_sum: {"attention/query_dense/heads", "a/first"},
    nested_networks: {"a/first", "b/first"},
}


@pytest.mark.parametrize("make", OPENED, ids=lambda make: make.__name__)
def test_layers_that_read_masks_are_opened(make):
    model = make()
    check(model)
    found = prunable(model)
    assert not [name for name in OPENED[make] if not any(n.startswith(name) for n in found)], found


@pytest.mark.parametrize("reader", [layers.GlobalAveragePooling1D, layers.Flatten])
def test_a_nested_network_that_makes_a_mask(reader):
    inner_inputs = keras.Input((5,), dtype="int32")
    words = layers.Embedding(9, 8, mask_zero=True)(inner_inputs)
    inner = keras.Model(inner_inputs, layers.Dense(7, "relu", name="d")(words))
    inputs = keras.Input((5,), dtype="int32", name="tokens")
    model = built(inputs, reader()(Block(7, name="a")(inner(inputs))), pools=False)
    assert prunable(model) >= {"d", "a/first"}
    check(model)


def test_a_nested_network_hands_on_its_mask_where_inputs_are_removed():
    """Channels that are taken from a tensor make a new one, without a mask."""
    inputs, x = tokens()
    x = layers.TimeDistributed(layers.Dense(8))(x)
    inner_inputs = keras.Input((5, 8))
    inner = keras.Model(inner_inputs, layers.Dense(8, name="d")(inner_inputs))
    model = built(inputs, inner(x))
    assert prunable(model) >= {"d", "d/inputs"}
    check(model)


def test_a_subclassed_model_that_returns_a_mask_is_refused():
    class Tagger(keras.Model):
        def __init__(self):
            super().__init__()
            self.words = layers.Embedding(9, 8, mask_zero=True)

        def call(self, x):
            return self.words(x)

    model = Tagger()
    model(np.array([[1, 2, 0]]))
    with pytest.raises(ValueError, match="what it returns carries a mask"):
        ks.channel_groups(model)


def test_masks_that_are_used_nowhere_outside():
    """What a layer makes within it, and does not hand on, is no mask of what it returns."""
    inputs = keras.Input((5,), dtype="int32", name="tokens")
    model = built(inputs, Block(7, name="a")(Words(8, name="words")(inputs)))
    assert prunable(model) >= {"a/first"}
    check(model)


def sum_by_a_layer():
    """Attention takes the mask away from what it reads, and Keras's Add makes one of both."""
    inputs, x = tokens()
    return built(inputs, layers.Add()([x, layers.MultiHeadAttention(2, 4, name="a")(x, x)]))


def closed_behind():
    inputs, x = tokens()
    return built(inputs, Noisy(8, name="noisy")(Told(7, name="a")(x)))


def closed_by_what_it_computes():
    inputs, x = tokens()
    return built(inputs, Block(6, name="a")(Noisy(8, name="noisy")(x)))


@pytest.mark.parametrize(
    "make", [sum_by_a_layer, closed_behind, closed_by_what_it_computes], ids=lambda f: f.__name__
)
def test_layers_stay_closed_where_one_would_lose_its_mask(make):
    model = make()
    assert not [name for name in prunable(model) if name.startswith("a/")]
    closed = ks.graph.tracing.trace(model).closed
    assert closed[id(model.get_layer("a"))].reason == "what it reads carries a mask"
    check(model)


def test_a_model_that_returns_a_mask_still_does():
    """Keras weighs the loss by it."""
    inputs, x = tokens()
    model = with_random_weights(keras.Model(inputs, Told(7, name="a")(layers.Dense(8)(x))))
    assert "what it reads carries a mask" in str([g.reason for g in ks.channel_groups(model)])
    words = np.array([[1, 2, 3, 0, 0]])
    assert (ops.convert_to_numpy(mask_of(model(words))) == (words > 0)).all()
    small = ks.prune_channels(model, masks_for(model)[0])
    assert (ops.convert_to_numpy(mask_of(small(words))) == (words > 0)).all()


def test_nothing_is_left_on_the_users_tensors_and_layers():
    model = several_blocks()
    before = [len(layer._inbound_nodes) for layer in model._flatten_layers()]
    masks = [mask_of(layer.output) for layer in model.layers]
    ks.channel_groups(model)
    assert [len(layer._inbound_nodes) for layer in model._flatten_layers()] == before
    after = [mask_of(layer.output) for layer in model.layers]
    assert [id(mask) for mask in after] == [id(mask) for mask in masks]
