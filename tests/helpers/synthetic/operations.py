"""Raw operations, entry by entry: with scalars, with arrays, with tensors."""

import keras
import numpy as np
from keras import layers, ops

from helpers.synthetic.registry import block, conv, graph, head, image

ARRAY = np.linspace(-1, 2, 8, dtype="float32")


@graph()
def scalars():
    inputs = image()
    x = 2.0 * block(inputs, "one") - 1.0
    x = 1.0 / (1.0 + ops.exp(-conv(x, "two", 6)))
    return inputs, head(block(x**2 + 0.5, "three"))


@graph()
def constant_arrays():
    inputs = image()
    x = conv(inputs, "one") * ARRAY + np.float32([[[0.5]]])
    x = ops.maximum(ARRAY, conv(x, "two"))
    x = ops.subtract(x1=ARRAY[None, None, None], x2=conv(x, "three"))
    return inputs, head(block(x, "after"))


@graph()
def constant_arrays_over_space():
    inputs = image()
    weights = np.random.default_rng(3).normal(size=(6, 6, 8)).astype("float32")
    x = conv(inputs, "one", activation="relu") * weights
    x = ops.add(conv(x, "two"), weights[:, :1, :1])
    return inputs, head(block(x, "after"))


@graph()
def arrays_against_a_concatenation():
    inputs = image()
    x = ops.concatenate([conv(inputs, "one", 3), inputs[..., :2], conv(inputs, "two", 3)], -1)
    return inputs, head(block(x * ARRAY + ARRAY, "after"))


@graph()
def where():
    inputs = image()
    one, two = conv(inputs, "one"), conv(inputs, "two")
    x = ops.where(ops.greater(one, two), one, 0.5 * two)
    return inputs, head(block(ops.where(ops.less(x, 0.0), ARRAY, x), "after"))


@graph()
def clipped():
    inputs = image()
    return inputs, head(block(ops.clip(conv(inputs, "stem"), -0.5, 0.5), "after"))


@graph(stem="at bounds that are arrays")
def clipped_by_arrays():
    inputs = image()
    x = ops.clip(conv(inputs, "stem"), -1.0, np.abs(ARRAY))
    return inputs, head(block(x, "after"))


@graph()
def elementwise():
    inputs = image()
    x = ops.silu(conv(inputs, "one")) + ops.square(ops.tanh(conv(inputs, "two")))
    x = ops.sqrt(ops.abs(x) + 0.1) - ops.log1p(ops.softplus(conv(x, "three")))
    x = ops.leaky_relu(ops.cast(ops.stop_gradient(x), "float32")) + ops.gelu(x)
    return inputs, head(block(ops.negative(ops.sin(x)), "after"))


@graph()
def tensors():
    inputs = image()
    one, two = conv(inputs, "one"), conv(inputs, "two", activation="softplus")
    x = one / (two + 1.0) + ops.power(two + 0.5, 1.5) - ops.hypot(one, two)
    x = ops.minimum(x, ops.logaddexp(one, two)) * ops.arctan2(one, two + 1.0)
    return inputs, head(block(x, "after"))


@graph()
def hard_sigmoid_gate():
    inputs = image()
    x = block(inputs, "stem")
    gate = conv(layers.GlobalAveragePooling2D(keepdims=True)(x), "gate", 8, 1)
    return inputs, head(block(x * (ops.relu6(gate + 3.0) / 6.0), "after"))


@graph(one="and no rule is known for TopK", two="is summed over by")
def unknown_operations():
    inputs = keras.Input((5, 4))
    x, _ = ops.top_k(layers.Dense(6, activation="relu", name="one")(inputs), 4)
    x = layers.Dense(6, activation="relu", name="two")(x)
    x = ops.matmul(x, ops.transpose(x, (0, 2, 1)))
    return inputs, head(layers.Dense(6, activation="relu", name="three")(x))


@graph(query="is summed over by", key="is summed over by")
def attention_by_hand():
    inputs = keras.Input((5, 4))
    query, key, value = (layers.Dense(6, name=n)(inputs) for n in ("query", "key", "value"))
    scores = ops.softmax(ops.einsum("bqd,bkd->bqk", query, key))
    x = ops.einsum("bqk,bkd->bqd", scores, value)
    x = layers.Dense(6, activation="relu", name="mixed")(x)
    return inputs, head(x)


@graph()
def arithmetic_of_vectors():
    inputs = keras.Input((6,))
    x = layers.Dense(8, name="one")(inputs) * ARRAY
    x = ops.add(ops.multiply(layers.Dense(8, name="two")(x), x), ARRAY)
    return inputs, head(x)
