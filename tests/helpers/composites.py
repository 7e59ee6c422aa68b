"""Layers that are made of layers, as public networks have them."""

import keras
from keras import layers, ops

from helpers.checks import with_random_weights


@keras.saving.register_keras_serializable("composites")
class Composite(layers.Layer):
    """What the layers below have in common: arguments that are attributes."""

    def __init__(self, width=8, **kwargs):
        super().__init__(**kwargs)
        self.width = width

    def get_config(self):
        return {**super().get_config(), "width": self.width}


@keras.saving.register_keras_serializable("composites")
class ConvNorm(Composite):
    """A convolution, normalised."""

    def build(self, shape):
        self.conv = layers.Conv2D(self.width, 3, padding="same", use_bias=False)
        self.norm = layers.BatchNormalization()
        self.conv.build(shape)
        self.norm.build((*shape[:-1], self.width))

    def call(self, x, training=None):
        return ops.relu(self.norm(self.conv(x), training=training))


@keras.saving.register_keras_serializable("composites")
class DropPath(layers.Layer):
    """Stochastic depth as public code has it: in training, it leaves out whole samples."""

    def __init__(self, rate=0.1, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, x, training=False):
        if not training or self.rate == 0:
            return x
        shape = (ops.shape(x)[0],) + (1,) * (len(x.shape) - 1)
        keep = ops.floor(
            1 - self.rate + keras.random.uniform(shape, dtype=x.dtype, seed=self.generator)
        )
        return x / (1 - self.rate) * keep

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


@keras.saving.register_keras_serializable("composites")
class Residual(Composite):
    """Composites in a list within a composite, a factor per channel and stochastic depth."""

    def build(self, shape):
        self.blocks = [ConvNorm(self.width), ConvNorm(shape[-1])]
        self.drop = DropPath(0.2, seed=1)
        for block in self.blocks:
            block.build(shape)
            shape = (*shape[:-1], block.width)
        self.gamma = self.add_weight(shape=(shape[-1],), initializer="ones", name="gamma")
        self.share = self.add_weight(shape=(), initializer="ones", name="share")

    def call(self, x, training=None):
        h = x
        for block in self.blocks:
            h = block(h, training=training)
        return x * self.share + self.drop(h * self.gamma, training=training)


@keras.saving.register_keras_serializable("composites")
class Split(Composite):
    """Two tensors out of one."""

    def build(self, shape):
        self.left, self.right = layers.Conv2D(self.width, 1), layers.Conv2D(self.width, 1)
        self.left.build(shape)
        self.right.build(shape)

    def call(self, x):
        return {"left": ops.silu(self.left(x)), "right": self.right(x)}


@keras.saving.register_keras_serializable("composites")
class Join(Composite):
    """One tensor out of two."""

    def build(self, shape):
        self.out = layers.Conv2D(self.width, 1)
        self.out.build((*shape["left"][:-1], 2 * shape["left"][-1]))

    def call(self, inputs):
        return self.out(ops.concatenate([inputs["left"], inputs["right"] * 2], axis=-1))


@keras.saving.register_keras_serializable("composites")
class Tokens(Composite):
    """Pictures as tokens: a convolution, a class token and an embedding of positions."""

    def build(self, shape):
        self.patches = layers.Conv2D(self.width, 2, strides=2)
        self.patches.build(shape)
        count = (shape[1] // 2) * (shape[2] // 2)
        shapes = {"token": (1, 1, self.width), "positions": (1, count + 1, self.width)}
        for name, of in shapes.items():
            setattr(self, name, self.add_weight(shape=of, initializer="random_normal", name=name))

    def call(self, x):
        x = self.patches(x)
        x = ops.reshape(x, (-1, x.shape[1] * x.shape[2], self.width))
        token = ops.zeros_like(x[:, :1]) + self.token
        return ops.concatenate([token, x], axis=1) + self.positions


@keras.saving.register_keras_serializable("composites")
class Encoder(Composite):
    """A block of a transformer."""

    def build(self, shape):
        self.norms = [layers.LayerNormalization(epsilon=1e-5) for _ in range(2)]
        self.attention = layers.MultiHeadAttention(2, 4, dropout=0.0)
        self.mlp = keras.Sequential(
            [layers.Dense(self.width, "gelu"), layers.Dropout(0.1), layers.Dense(shape[-1])]
        )
        for norm in self.norms:
            norm.build(shape)
        self.attention.build(shape, shape)
        self.mlp.build(shape)

    def call(self, x):
        h = self.norms[0](x)
        x = x + self.attention(h, h)
        return x + self.mlp(self.norms[1](x))


@keras.saving.register_keras_serializable("composites")
class ByHand(Composite):
    """Kernels that are weights of the layer itself."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.width), name="kernel")
        self.bias = self.add_weight(shape=(self.width,), name="bias")
        self.second = self.add_weight(shape=(self.width, shape[-1]), name="second")

    def call(self, x):
        h = ops.relu(ops.matmul(x, self.kernel) + self.bias)
        return ops.einsum("bhwc,cd->bhwd", h, self.second)


@keras.saving.register_keras_serializable("composites")
class OtherInTraining(Composite):
    """In training, it takes another way."""

    def build(self, shape):
        self.first, self.second = layers.Conv2D(self.width, 1), layers.Conv2D(self.width, 1)
        self.first.build(shape)
        self.second.build(shape)

    def call(self, x, training=None):
        return self.second(x) if training else self.first(x)


@keras.saving.register_keras_serializable("composites")
class Noisy(Composite):
    """It draws random numbers by itself, also in inference."""

    def build(self, shape):
        self.generator = keras.random.SeedGenerator(0)

    def call(self, x):
        return x + keras.random.normal((x.shape[-1],), seed=self.generator)


@keras.saving.register_keras_serializable("composites")
class Stateful(Composite):
    """It counts how often it was called."""

    def build(self, shape):
        self.count = self.add_weight(shape=(), dtype="int32", trainable=False, name="count")

    def call(self, x):
        self.count.assign(self.count + 1)
        return x * 2


@keras.saving.register_keras_serializable("composites")
class Branches(Composite):
    """Branches that depend on its arguments."""

    def __init__(self, width=8, regularized=False, fixes=False, **kwargs):
        given = {"activity_regularizer": "l2"} if regularized else {}
        super().__init__(width, **given, **kwargs)
        self.regularized, self.fixes = regularized, fixes

    def build(self, shape):
        self.left, self.right = (
            layers.Conv2D(self.width, 1),
            layers.Conv2D(self.width, 3, 1, "same"),
        )
        self.norm = layers.BatchNormalization()
        for layer in (self.left, self.right):
            layer.build(shape)
        self.norm.build((*shape[:-1], 2 * self.width))

    def call(self, x, training=None):
        x = ops.concatenate([ops.tanh(self.left(x)), self.right(x)], axis=-1)
        return self.norm(x, training=False if self.fixes else training)

    def get_config(self):
        own = ("regularized", "fixes")
        config = {**super().get_config(), **{name: getattr(self, name) for name in own}}
        config.pop("activity_regularizer", None)
        return config


def pictures(*blocks, size=(8, 8, 3)):
    """A network of these layers, with a convolution before them and a classifier behind."""
    inputs = keras.Input(size)
    h = layers.Conv2D(6, 3, padding="same", name="stem")(inputs)
    for block in blocks:
        h = block(h)
    h = layers.GlobalAveragePooling2D()(h) if len(h.shape) == 4 else h[:, 0]
    return with_random_weights(keras.Model(inputs, layers.Dense(4, name="head")(h)))
