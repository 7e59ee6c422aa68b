"""Masks: layers that read them or make them are opened, and the calls in them are told theirs."""

import keras
import numpy as np
import pytest
from helpers.checks import check_close, draw_inputs, masks_for, run_gated, with_random_weights
from helpers.masked import Around, Block, Noisy, Recurrent, Told, Words
from keras import layers, ops

import keras_switcher as ks
from keras_switcher.graph.masks import mask_of

IGNORED = "ignore:Layer '.*' .* was passed an input with a mask"
pytestmark = pytest.mark.filterwarnings(IGNORED)


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
