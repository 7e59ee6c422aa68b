"""Attention whose queries, keys and values are made by one Dense layer, as public code has it."""

import keras
import numpy as np
from keras import layers, ops

from helpers.checks import with_random_weights
from helpers.composites import Composite


def _stacked(qkv, heads):
    """As Swin and timm: three, heads, width; taken apart along the first axis."""
    batch, length, width = qkv.shape[0] or ops.shape(qkv)[0], qkv.shape[1], qkv.shape[2]
    qkv = ops.reshape(qkv, (batch, length, 3, heads, width // 3 // heads))
    return ops.unstack(ops.transpose(qkv, (2, 0, 3, 1, 4)), axis=0)


def _indexed(qkv, heads):
    """The same, indexed by numbers."""
    qkv = ops.reshape(qkv, (-1, qkv.shape[1], 3, heads, qkv.shape[2] // 3 // heads))
    qkv = ops.transpose(qkv, (2, 0, 3, 1, 4))
    return qkv[0], qkv[1], qkv[2]


def _split(qkv, heads):
    """Queries, keys and values side by side, split first, then reshaped."""
    width = qkv.shape[2] // 3
    parts = ops.split(qkv, 3, axis=-1)
    parts = [ops.reshape(x, (-1, x.shape[1], heads, width // heads)) for x in parts]
    return [ops.transpose(x, (0, 2, 1, 3)) for x in parts]


def _of_each_head(qkv, heads):
    """Those of one head side by side, as in GPT-NeoX: heads first, then split."""
    qkv = ops.reshape(qkv, (-1, qkv.shape[1], heads, qkv.shape[2] // heads))
    return ops.split(ops.transpose(qkv, (0, 2, 1, 3)), 3, axis=-1)


def _three_of_each_head(qkv, heads):
    """Heads, three, width."""
    qkv = ops.reshape(qkv, (-1, qkv.shape[1], heads, 3, qkv.shape[2] // 3 // heads))
    query, key, value = (qkv[:, :, :, part] for part in range(3))
    return [ops.transpose(x, (0, 2, 1, 3)) for x in (query, key, value)]


WAYS = {
    "stacked": _stacked,
    "indexed": _indexed,
    "split": _split,
    "of each head": _of_each_head,
    "three of each head": _three_of_each_head,
}


@keras.saving.register_keras_serializable("fused")
class FusedAttention(Composite):
    """Attention with a table of biases for relative positions, a column for each head."""

    def __init__(self, width=12, heads=3, way="stacked", **kwargs):
        super().__init__(width, **kwargs)
        self.heads, self.way = heads, way

    def build(self, shape):
        length = shape[1]
        self.qkv = layers.Dense(3 * self.width)
        self.proj = layers.Dense(shape[-1])
        self.qkv.build(shape)
        self.proj.build((*shape[:-1], self.width))
        self.table = self.add_weight(
            shape=(2 * length - 1, self.heads), initializer="random_normal", name="table"
        )
        positions = np.arange(length)
        self.index = ops.convert_to_tensor(positions[:, None] - positions + length - 1, "int32")

    def call(self, x):
        query, key, value = WAYS[self.way](self.qkv(x), self.heads)
        scale = (self.width // self.heads) ** -0.5
        scores = ops.matmul(query * scale, ops.transpose(key, (0, 1, 3, 2)))
        scores = scores + ops.transpose(ops.take(self.table, self.index, axis=0), (2, 0, 1))
        made = ops.transpose(ops.matmul(ops.softmax(scores), value), (0, 2, 1, 3))
        return self.proj(ops.reshape(made, (-1, x.shape[1], self.width)))

    def get_config(self):
        return {**super().get_config(), "heads": self.heads, "way": self.way}


@keras.saving.register_keras_serializable("fused")
class HeadsAmongSamples(Composite):
    """Attention in which each head is a sample of its own, in windows if there are several."""

    def __init__(self, width=12, heads=3, windows=1, **kwargs):
        super().__init__(width, **kwargs)
        self.heads, self.windows = heads, windows

    def build(self, shape):
        self.qkv, self.proj = layers.Dense(3 * self.width), layers.Dense(shape[-1])
        self.qkv.build(shape)
        self.proj.build((*shape[:-1], self.width))
        self.places = self.add_weight(
            shape=(shape[1] // self.windows, self.width // self.heads), name="places"
        )

    def call(self, x):
        batch, length, _ = ops.shape(x)
        size, width = length // self.windows, self.width // self.heads
        qkv = ops.reshape(self.qkv(x), (batch, self.windows, size, 3, self.heads, width))
        qkv = ops.transpose(qkv, (3, 0, 1, 4, 2, 5))
        qkv = ops.reshape(qkv, (3, batch * self.windows * self.heads, size, width))
        query, key, value = ops.unstack(qkv, axis=0)
        scores = ops.matmul(query * width**-0.5, ops.transpose(key, (0, 2, 1)))
        scores = scores + ops.einsum("bqc,kc->bqk", query, self.places)
        made = ops.matmul(ops.softmax(scores), value)
        made = ops.reshape(made, (batch, self.windows, self.heads, size, width))
        made = ops.transpose(made, (0, 1, 3, 2, 4))
        return self.proj(ops.reshape(made, (batch, length, self.width)))

    def get_config(self):
        return {**super().get_config(), "heads": self.heads, "windows": self.windows}


def vision_transformer(way="stacked", heads=3, blocks=2):
    """A vision transformer by hand, as the examples of keras.io write it.

    Args:
        way: How queries, keys and values are taken apart, of `WAYS`; or a number of windows in
            which heads lie among the samples.
        heads: How many heads there are.
        blocks: How many blocks there are.
    """
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(10, 4, strides=4, name="patches")(inputs)
    x = layers.Reshape((4, 10))(x)
    for number in range(blocks):
        h = layers.LayerNormalization(epsilon=1e-5)(x)
        kind = FusedAttention if way in WAYS else HeadsAmongSamples
        x = x + kind(4 * heads, heads, way, name=f"block{number}")(h)
        h = layers.LayerNormalization(epsilon=1e-5)(x)
        x = x + layers.Dense(10)(layers.Dense(20, "gelu", name=f"mlp{number}")(h))
    outputs = layers.Dense(4, name="head")(layers.GlobalAveragePooling1D()(x))
    return with_random_weights(keras.Model(inputs, outputs))


def functional_attention(heads=3):
    """The same attention where a Functional model itself has all its layers and operations."""
    x = inputs = keras.Input((5, 6))
    qkv = layers.Dense(3 * 4 * heads, name="qkv")(x)
    query, key, value = _split(qkv, heads)
    scores = ops.softmax(ops.matmul(query, ops.swapaxes(key, 2, 3)) / 2.0)
    made = ops.transpose(ops.matmul(scores, value), (0, 2, 1, 3))
    y = layers.Dense(6, name="proj")(ops.reshape(made, (-1, 5, 4 * heads)))
    outputs = layers.Dense(2, name="head")(layers.Flatten()(x + y))
    return with_random_weights(keras.Model(inputs, outputs))
