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
