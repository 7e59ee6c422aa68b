"""Random graphs of what users add: shared variables, wrappers, layers with gaps, callables."""

from functools import partial

import keras
from hypothesis import strategies as st
from keras import layers, ops

from helpers.checks import with_random_weights
from helpers.odd_layers import GAPS, odd_layer
from helpers.ties import READERS, holding


def _even(x):
    if x.shape[-1] % 2:
        raise TypeError("an odd number of channels")
    return ops.relu(x)


def _drawing(x):
    return ops.relu(x) + keras.random.normal(ops.shape(x), dtype=x.dtype)


def _ramp(x):
    return x * ops.cast(ops.arange(ops.shape(x)[-1]), x.dtype)


ACTIVATIONS = {
    "ops.silu": lambda: ops.silu,
    "ops.softplus": lambda: ops.softplus,
    "ops.softmax": lambda: ops.softmax,
    "of ops": lambda: lambda x: ops.where(x > 0, x, 0.1 * x) + x * ops.sigmoid(x),
    "partial": lambda: partial(keras.activations.leaky_relu, negative_slope=0.2),
    "ReLU": lambda: layers.ReLU(3.0),
    "LeakyReLU": lambda: layers.LeakyReLU(0.1),
    "PReLU": layers.PReLU,
    "PReLU, shared": lambda: layers.PReLU(shared_axes=[1]),
    "Softmax": layers.Softmax,
    "Activation": lambda: layers.Activation(layers.LeakyReLU(0.1)),
    "ramp": lambda: _ramp,
    "by position": lambda: lambda x: x * ops.cast(ops.arange(4), x.dtype)[:, None],
    "less the mean": lambda: lambda x: x - ops.mean(x, axis=-1, keepdims=True),
    "mean over time": lambda: lambda x: x - ops.mean(x, axis=1, keepdims=True),
    "reversed": lambda: lambda x: x[..., ::-1],
    "seeded": lambda: lambda x: x * keras.random.normal(ops.shape(x), seed=1, dtype=x.dtype),
    "drawing": lambda: _drawing,
    "even": lambda: _even,
    "glu": lambda: lambda x: x * ops.sigmoid(ops.flip(x, -1)),
    "of a variable": lambda: partial(ops.multiply, keras.Variable(0.3)),
}
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    ACTIVATIONS |= {
        "tf.nn.relu": lambda: tf.nn.relu,
        "tf.nn.swish": lambda: tf.nn.swish,
        "tf.nn.leaky_relu": lambda: tf.nn.leaky_relu,
        "tf.nn.softmax": lambda: tf.nn.softmax,
        "tf.nn.l2_normalize": lambda: partial(tf.nn.l2_normalize, axis=-1),
        "of ops and tf": lambda: lambda x: tf.nn.relu(x) - 0.1 * ops.tanh(x),
        "less the mean, by tf": lambda: lambda x: x - tf.reduce_mean(x, -1, keepdims=True),
    }


def _hosts(x, name, width, activation, host):
    """A callable in one of the places where a layer takes it."""
    activation = ACTIVATIONS[activation]()
    if host == "activation":
        x = layers.Dense(2 * width, name=f"{name}_in")(x)
        return layers.Activation(activation, name=name)(x)
    makers = {
        "dense": lambda **kw: layers.Dense(2 * width, **kw),
        "conv": lambda **kw: layers.Conv1D(2 * width, 3, padding="same", **kw),
        "einsum": lambda **kw: layers.EinsumDense("abc,cd->abd", (4, 2 * width), **kw),
        "lstm": lambda **kw: layers.LSTM(2 * width, return_sequences=True, **kw),
        "separable": lambda **kw: layers.SeparableConv1D(2 * width, 3, padding="same", **kw),
    }
    if host == "wrapped":
        inner = layers.Dense(2 * width, activation=activation)
        return layers.TimeDistributed(inner, name=name)(x)
    return makers[host](activation=activation, name=name)(x)


HOSTS = ("activation", "dense", "conv", "einsum", "lstm", "separable", "wrapped")


def _tied(x, name, width, reader):
    """Something that reads the kernel of a layer before it (see `READERS`)."""
    dense = layers.Dense(6, "relu", name=f"{name}_enc")
    x = dense(layers.Dense(6, "relu", name=f"{name}_before")(x))
    layer = READERS[reader](dense)
    if isinstance(layer, layers.Layer):
        layer.name = f"{name}_dec"
    return layers.Dense(width, "tanh", name=f"{name}_after")(layer(x))


def _autoencoder(x, name, width):
    outer, inner = layers.Dense(width, "tanh", name=f"{name}_1"), layers.Dense(3, name=f"{name}_2")
    y = inner(outer(x))
    for dense in (inner, outer):
        back = holding(dense)
        back.name = f"{dense.name}_back"
        y = layers.ReLU()(back(y))
    return layers.Add()([x, y])


def _twice(x, name, width):
    dense = layers.Dense(width, "tanh", name=f"{name}_shared")
    x = dense(layers.Dense(5, "relu", name=f"{name}_to")(x))
    return dense(layers.Dense(5, "relu", name=f"{name}_again")(x))


def _one_gamma(x, name, width):
    norm = layers.BatchNormalization(name=f"{name}_norm")
    x = norm(layers.Dense(width, name=f"{name}_to")(x))
    return layers.Lambda(lambda x: x * norm.gamma, name=f"{name}_scaled")(x)


def _in_time(x, name, width):
    return layers.TimeDistributed(layers.Dense(width, "relu"), name=name)(x)


def _conv_in_time(x, name, width):
    x = layers.Reshape((2, 2, x.shape[-1]))(x)
    x = layers.TimeDistributed(layers.Conv1D(width, 2, padding="same"), name=name)(x)
    return layers.Reshape((4, width))(x)


def _model_in_time(x, name, width):
    inner = keras.Sequential([keras.Input(x.shape[2:]), layers.Dense(5, "relu"), layers.Dense(6)])
    y = layers.TimeDistributed(inner, name=name)(x)
    return inner.layers[1](layers.Dense(5, "relu", name=f"{name}_to")(y)) if width % 2 else y


def _both_ways(x, name, width):
    kind = layers.LSTM if width % 2 else layers.GRU
    merge = ("concat", "sum", "mul")[width % 3]
    return layers.Bidirectional(kind(width, return_sequences=True), merge_mode=merge, name=name)(x)


def _spectral(x, name, width):
    inner = layers.Conv1D(width, 2, padding="same") if width % 2 else layers.Dense(width)
    return layers.SpectralNormalization(inner, name=name)(x)


def _nested(x, name, width):
    """A Sequential model that is called twice."""
    parts = [layers.Dense(7, "relu"), layers.Conv1D(width, 2, padding="same"), layers.ReLU()]
    inner = keras.Sequential([keras.Input((4, 5)), *parts], name=name)
    x = inner(layers.Dense(5, "relu", name=f"{name}_to")(x))
    return inner(layers.Dense(5, name=f"{name}_again")(x))


def _functional(x, name, width):
    """A Functional model with a model in it, called twice, with a sum around it."""
    inputs = keras.Input((4, width))
    deep = keras.Sequential([keras.Input((4, width)), layers.Dense(width, "relu")], name="deep")
    y = layers.Add()([deep(inputs), layers.Dense(width, name="skip")(inputs)])
    inner = keras.Model(inputs, y, name=name)
    x = layers.Dense(width, "relu", name=f"{name}_to")(x)
    return inner(x) + inner(ops.tanh(x))


def _gap(x, name, width, kind):
    x = layers.Dense(width, "relu", name=f"{name}_to")(x)
    x = odd_layer(kind, name)(x)
    return layers.Conv1D(width, 2, padding="same", activation="tanh", name=f"{name}_after")(x)


PLAIN = (
    *(_autoencoder, _twice, _one_gamma, _in_time, _conv_in_time, _model_in_time, _both_ways),
    *(_spectral, _nested, _functional),
)
_NAMES = {each.__name__: each for each in (*PLAIN, _hosts, _tied, _gap)}
BLOCKS = st.one_of(
    st.tuples(st.just("_tied"), st.sampled_from(sorted(READERS))),
    st.tuples(st.just("_gap"), st.sampled_from(sorted(GAPS))),
    st.tuples(st.just("_hosts"), st.sampled_from(sorted(ACTIVATIONS)), st.sampled_from(HOSTS)),
    st.tuples(st.sampled_from([each.__name__ for each in PLAIN])),
)
RECIPES = st.fixed_dictionaries(
    {
        "embedded": st.booleans(),
        "blocks": st.lists(st.tuples(BLOCKS, st.integers(2, 5)), min_size=1, max_size=3),
        "flat": st.booleans(),
        "seed": st.integers(0, 1000),
    }
)


def build(embedded: bool, blocks: list, flat: bool, seed: int) -> keras.Model:
    """The model of a recipe: blocks on short sequences, of numbers or of words that it embeds."""
    inputs = keras.Input((4,), dtype="int32") if embedded else keras.Input((4, 3))
    embedding = layers.Embedding(8, 5, name="embedding")
    x = embedding(inputs) if embedded else inputs
    x = layers.Dense(6, "relu", name="stem")(x)
    for i, ((make, *options), width) in enumerate(blocks):
        x = _NAMES[make](x, f"block{i}", width, *options)
    if embedded and not flat:  # The words come back by the table that embedded them.
        x = layers.Dense(5, "tanh", name="last")(x)
        outputs = holding(embedding, lambda held: held.embeddings)(x)
    else:
        x = layers.Flatten()(x) if flat else layers.GlobalAveragePooling1D()(x)
        outputs = layers.Dense(2, name="head")(layers.Dense(5, "elu", name="last")(x))
    model = keras.Model(inputs, outputs, name="odd")
    model(ops.zeros((1, *inputs.shape[1:]), inputs.dtype))  # Keras builds a PReLU no earlier.
    return with_random_weights(model, seed)
