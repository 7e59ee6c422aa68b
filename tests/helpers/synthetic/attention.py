"""Attention, written with layers and operations: whole heads, and the widths of values."""

import math

import keras
import numpy as np
from keras import layers, ops

from helpers.synthetic.registry import conv, graph, head

CONTRACTED = "is summed over by"


def tokens():
    """A sequence of five vectors."""
    return keras.Input((5, 6))


def project(x, name, heads=4, width=3, **options):
    """Several vectors of each vector, as MultiHeadAttention makes them."""
    options = {"bias_axes": "de", "name": name, **options}
    return layers.EinsumDense("abc,cde->abde", (None, heads, width), **options)(x)


def merge(x, name="merged", width=8):
    """One vector of several, as MultiHeadAttention makes it."""
    return layers.EinsumDense("abcd,cde->abe", (None, width), bias_axes="e", name=name)(x)


def attend(query, key, value, mask=None, dropout=0.0):
    """What MultiHeadAttention computes between its projections."""
    query = ops.multiply(query, 1 / math.sqrt(query.shape[-1]))
    scores = layers.Softmax()(ops.einsum("aecd,abcd->acbe", key, query), mask=mask)
    if dropout:
        scores = layers.Dropout(dropout)(scores)
    return ops.einsum("acbe,aecd->abcd", scores, value)


@graph(query=CONTRACTED, key=CONTRACTED)
def heads():
    inputs = tokens()
    x = layers.Dense(7, activation="relu", name="stem")(inputs)
    x = attend(project(x, "query"), project(x, "key"), project(x, "value", width=5))
    return inputs, head(layers.ReLU()(merge(x)))


@graph(query=CONTRACTED, key=CONTRACTED)
def heads_with_a_mask_and_dropout():
    inputs = tokens()
    mask = np.tril(np.ones((1, 1, 5, 5), bool))
    x = attend(*(project(inputs, n) for n in ("query", "key", "value")), mask, dropout=0.3)
    x = layers.Dense(6, name="residual")(inputs) + merge(x, width=6)
    return inputs, head(layers.Dense(7, activation="gelu", name="wide")(x))


@graph(query="is compared by", key="is compared by", value="as wide as its keys")
def heads_in_one_operation():
    inputs = tokens()
    x = layers.Dense(7, activation="relu", name="stem")(inputs)
    query, key, value = (project(x, name) for name in ("query", "key", "value"))
    mask = np.tril(np.ones((1, 1, 5, 5), bool))
    x = ops.dot_product_attention(query, key, value, mask=mask)
    return inputs, head(layers.ReLU()(merge(x)))


@graph(query="is compared by", key="is compared by", value="as wide as its keys")
def grouped_heads_in_one_operation():
    inputs = tokens()
    query = project(inputs, "query", heads=8)
    key, value = (project(inputs, name) for name in ("key", "value"))
    x = ops.dot_product_attention(query, key, value, is_causal=True)
    return inputs, head(layers.ReLU()(merge(x)))


@graph(query=CONTRACTED, key=CONTRACTED)
def heads_of_another_sequence():
    one, other = tokens(), keras.Input((7, 4))
    x = attend(project(one, "query"), project(other, "key"), project(other, "value"))
    return [one, other], head(layers.ReLU()(merge(x)))


@graph(query=CONTRACTED, key=CONTRACTED)
def gated_heads():
    inputs = tokens()
    x = attend(*(project(inputs, n, bias_axes=None) for n in ("query", "key", "value")))
    x = ops.multiply(x, project(inputs, "gate", activation="sigmoid"))
    return inputs, head(layers.ReLU()(merge(x)))


@graph(query=CONTRACTED, key=CONTRACTED)
def grouped_heads():
    """Two heads of keys and values, each for two heads of queries."""
    inputs = tokens()
    key, value = (ops.repeat(project(inputs, n, heads=2), 2, axis=2) for n in ("key", "value"))
    x = attend(project(inputs, "query"), key, value)
    return inputs, head(layers.ReLU()(merge(x)))


@graph(query=CONTRACTED, key=CONTRACTED)
def grouped_heads_after_a_convolution():
    inputs = keras.Input((4, 4, 3))
    x = layers.Reshape((16, 6))(conv(inputs, "stem", 6))
    key, value = (ops.repeat(project(x, n, heads=3), 2, axis=2) for n in ("key", "value"))
    x = attend(project(x, "query", heads=6), key, value)
    return inputs, head(conv(layers.Reshape((4, 4, 8))(layers.ReLU()(merge(x))), "after"))


@graph(query=CONTRACTED, key=CONTRACTED)
def scores_with_a_bias_per_head():
    inputs = tokens()
    query, key, value = (project(inputs, name) for name in ("query", "key", "value"))
    bias = np.random.default_rng(0).normal(size=(1, 4, 5, 5)).astype("float32")
    scores = ops.softmax(ops.einsum("bthd,bshd->bhts", query, key) + bias)
    x = ops.einsum("bhts,bshd->bthd", scores, value)
    return inputs, head(layers.ReLU()(merge(x)))


@graph(query=CONTRACTED, key=CONTRACTED)
def one_head_of_matrix_products():
    inputs = tokens()
    query, key, value = (layers.Dense(6, name=n)(inputs) for n in ("query", "key", "value"))
    scores = ops.softmax(ops.matmul(query, ops.transpose(key, (0, 2, 1))) / 2.4)
    return inputs, head(layers.Dense(7, activation="relu", name="mixed")(scores @ value))


@graph(query=CONTRACTED, key=CONTRACTED)
def one_head_of_dot_layers():
    inputs = tokens()
    query, key, value = (layers.Dense(6, name=n)(inputs) for n in ("query", "key", "value"))
    scores = layers.Softmax()(layers.Dot(2, normalize=True)([query, key]))
    x = layers.Dot((2, 1))([scores, value])
    return inputs, head(layers.Dense(7, activation="relu", name="mixed")(x))


@graph(query="is compared by", key="is compared by")
def attention_layers():
    inputs = tokens()
    query, key, value = (layers.Dense(6, name=n)(inputs) for n in ("query", "key", "value"))
    x = layers.Attention(use_scale=True)([query, value, key])
    x = x * layers.AdditiveAttention()([query, value, key])
    return inputs, head(layers.Dense(7, activation="relu", name="mixed")(x))


@graph(both="is compared by")
def attention_without_keys():
    inputs = tokens()
    x = layers.Dense(6, name="both")(inputs)
    return inputs, head(
        layers.Dense(7, activation="relu", name="mixed")(layers.Attention()([x, x]))
    )


@graph()
def constants_in_equations():
    inputs = tokens()
    weights = np.linspace(-1, 1, 24, dtype="float32").reshape(4, 6)
    x = layers.Dense(6, activation="relu", name="stem")(inputs)
    x = ops.einsum("btc,c->btc", x, weights[0])
    query = ops.einsum("btc,hc->bthc", x, weights)
    x = ops.einsum("bthc,hc->btc", query, weights)
    return inputs, head(layers.Dense(7, activation="relu", name="mixed")(x))


@graph()
def a_kernel_per_head():
    inputs = tokens()
    x = layers.ReLU()(project(inputs, "several"))
    x = layers.EinsumDense("abhc,hcd->abhd", (None, 4, 2), bias_axes="hd", name="each")(x)
    return inputs, head(layers.ReLU()(merge(layers.ReLU()(x))))


def by_head(x, heads=3):
    """The widths of heads, as a reshape splits them off: heads before positions."""
    x = ops.reshape(x, (-1, x.shape[1], heads, x.shape[2] // heads))
    return ops.transpose(x, (0, 2, 1, 3))


def attend_by_head(query, key, value):
    """Attention whose heads were split off by a reshape, and are merged by another one."""
    scores = ops.softmax(query @ ops.transpose(key, (0, 1, 3, 2)) / math.sqrt(query.shape[-1]))
    x = ops.transpose(scores @ value, (0, 2, 1, 3))
    return ops.reshape(x, (-1, x.shape[1], x.shape[2] * x.shape[3]))


@graph()
def heads_of_reshapes():
    inputs = tokens()
    x = layers.Dense(7, activation="relu", name="stem")(inputs)
    query, key, value = (by_head(layers.Dense(12, name=n)(x)) for n in ("query", "key", "value"))
    x = layers.Dense(7, name="merged")(attend_by_head(query, key, value))
    return inputs, head(layers.ReLU()(x))


@graph()
def heads_of_one_kernel():
    """As in vision transformers: queries, keys and values of all heads by one Dense layer."""
    inputs = tokens()
    x = ops.reshape(layers.Dense(24, name="qkv")(inputs), (-1, 5, 3, 4, 2))
    x = ops.transpose(x, (2, 0, 3, 1, 4))
    y = layers.Dense(6, name="residual")(inputs)
    x = layers.Dense(6, name="merged")(attend_by_head(x[0], x[1], x[2]))
    return inputs, head(layers.Dense(7, activation="relu", name="wide")(x + y))


@graph()
def heads_of_one_kernel_that_is_split():
    inputs = tokens()
    query, key, value = ops.split(layers.Dense(24, name="qkv")(inputs), 3, axis=-1)
    x = attend_by_head(*(by_head(x, heads=2) for x in (query, key, value)))
    return inputs, head(layers.Dense(7, activation="relu", name="merged")(x))


@graph()
def groups_normalized_by_hand():
    inputs = keras.Input((4, 4, 3))
    x = ops.reshape(conv(inputs, "stem", 12), (-1, 16, 4, 3))
    x = x - ops.mean(x, axis=(1, 3), keepdims=True)
    x = x / ops.sqrt(ops.mean(x * x, axis=(1, 3), keepdims=True) + 0.01)
    return inputs, head(conv(ops.reshape(x, (-1, 4, 4, 12)), "after", activation="relu"))
