"""Layers that are made of layers, and that read masks or make them."""

import keras
from keras import layers, ops

from helpers.composites import Composite

register = keras.saving.register_keras_serializable("masks")


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
