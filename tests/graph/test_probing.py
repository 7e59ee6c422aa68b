"""Probes find out whether callables that nobody knows treat each entry alike, by itself."""

import keras
import numpy as np
import pytest
from helpers.checks import with_random_weights
from keras import layers, ops

from keras_switcher import SwitcherModel, channel_groups, prune_channels
from keras_switcher.graph.probing import tried_numbers, why_not_elementwise

tf = pytest.importorskip("tensorflow")
pytestmark = pytest.mark.only("tensorflow", reason="It probes TensorFlow's functions.")

SHAPES = [(None, 5), (None, 6, 6, 3)]


def largest(x):
    return tf.reduce_max(tf.abs(x))


def quantised(x):
    return tf.round(x / (largest(x) / 127)) * (largest(x) / 127)


OF_THE_WHOLE_BATCH = {
    "over the largest": lambda x: x / largest(x),
    "less the largest": lambda x: x - tf.reduce_max(x),
    "dynamic quantisation": quantised,
    "between extremes": lambda x: (
        (x - tf.reduce_min(x)) / (tf.reduce_max(x) - tf.reduce_min(x) + 1e-3)
    ),
    "where something is large": lambda x: tf.where(largest(x) > 5e3, x, tf.nn.relu(x)),
    "where something is negative": lambda x: tf.where(tf.reduce_min(x) < 0, x, 2 * x),
    "where the mean is large": lambda x: tf.where(tf.reduce_mean(x) > 0.7, x, 2 * x),
    "a branch": lambda x: tf.cond(tf.reduce_any(x < 0), lambda: x, lambda: 2 * x),
    "gated by the spread": lambda x: x * tf.sigmoid(tf.math.reduce_std(x)),
    "a large norm": lambda x: tf.clip_by_norm(x, 1e6),
    "compared with the mean": lambda x: x > tf.reduce_mean(x),
    "counted": lambda x: x + tf.reduce_sum(tf.cast(x > 1e3, x.dtype)),
}
OF_EACH_ENTRY = {
    "threshold": lambda x: tf.where(x > 5e3, 2 * x, x),
    "small ones are zero": lambda x: tf.where(tf.abs(x) < 0.2, tf.zeros_like(x), x),
    "saturating": lambda x: tf.clip_by_value(x, -1.0, 1.0),
    "rounding": tf.round,
    "a table": lambda x: tf.gather([0.0, 1.0, 4.0], tf.cast(tf.clip_by_value(x, 0, 2), "int32")),
    "fixed quantisation": lambda x: tf.quantization.fake_quant_with_min_max_args(x),
    "numpy": lambda x: tf.numpy_function(np.tanh, [x], tf.float32),
    "printing": lambda x: (tf.print("", end=""), x)[1],
    "identity": tf.identity,
    "its own shape": lambda x: tf.ensure_shape(x, x.shape),
    "open shape": lambda x: tf.ensure_shape(x, [None] * len(x.shape)),
    "rows": lambda x: tf.map_fn(lambda row: row * 2, x),
    "compiled": tf.function(tf.nn.gelu),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", OF_THE_WHOLE_BATCH)
def test_what_depends_on_the_whole_batch_is_found(name, shape):
    why = why_not_elementwise(OF_THE_WHOLE_BATCH[name], shape, "float32")
    assert why == "what it makes of one entry depends on others, or on their number"


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", OF_EACH_ENTRY)
def test_what_treats_each_entry_by_itself_is_accepted(name, shape):
    assert why_not_elementwise(OF_EACH_ENTRY[name], shape, "float32") is None


@pytest.mark.parametrize(
    "function",
    [
        lambda x: tf.ensure_shape(x, (None, 5)),
        lambda x: tf.reshape(x, (-1, 5)),
        lambda x: tf.broadcast_to(x, (tf.shape(x)[0], 5)) + tf.zeros((1, 5)),
        lambda x: x + tf.zeros((1, 5)),
    ],
)
def test_what_takes_one_number_of_channels_only_is_said(function):
    why = why_not_elementwise(function, (None, 5), "float32")
    assert why.startswith(("it raised InvalidArgumentError when it was called on an", "it makes ("))


def fraction(x):
    return tf.reduce_mean(tf.math.floormod(x, 1.0), -1, keepdims=True)


@pytest.mark.parametrize(
    ("function", "dtype", "elementwise"),
    [
        (lambda x: tf.complex(x, x), "float32", True),
        (lambda x: tf.complex(x, tf.reverse(x, [-1])), "float32", False),
        (lambda x: tf.complex(tf.zeros_like(x), x / largest(x)), "float32", False),
        (lambda x: tf.math.real(x) * tf.math.imag(x), "complex64", True),
        (lambda x: tf.abs(x) + tf.reverse(tf.math.imag(x), [-1]), "complex64", False),
        (tf.signal.fft, "complex64", False),
        (lambda x: tf.cast(4 * tf.sigmoid(x), "int32"), "float32", True),
        (lambda x: tf.cast(x - tf.floor(4 * fraction(x)), "int32"), "float32", False),
        (lambda x: x > 0.1, "float32", True),
        (lambda x: x > 0.1 + fraction(x), "float32", False),
        (lambda x: tf.cast(x, "float32") / 7, "uint8", True),
        (lambda x: tf.cast(x, "float32") - tf.cast(tf.reduce_max(x), "float32"), "int8", False),
        (tf.math.logical_not, "bool", True),
        (lambda x: x ^ tf.reverse(x, [-1]), "bool", False),
    ],
)
def test_probes_are_of_the_type_that_is_read_and_see_all_of_what_is_made(
    function, dtype, elementwise
):
    why = why_not_elementwise(function, (None, 5), dtype)
    assert why is None if elementwise else "depends on" in why


def test_text_is_no_number():
    assert why_not_elementwise(tf.as_string, (None, 5), "float32") == "it makes text"
    assert why_not_elementwise(tf.strings.length, (None, 5), "string") == "it reads text"


@pytest.mark.parametrize("dtype", ["float16", "float64", "complex64", "int8", "uint8", "bool"])
def test_numbers_of_a_type_are_numbers_of_it_and_differ(dtype):
    numbers = tried_numbers(dtype)
    made = ops.convert_to_numpy(ops.convert_to_tensor(numbers, dtype))
    assert np.isfinite(made).all()
    assert len(np.unique(made)) == len(numbers)


def behind(function, **arguments):
    """Two Dense layers, of which a function reads the second."""
    parts = [layers.Dense(8, name="first"), layers.Dense(6, name="made")]
    parts += [layers.Lambda(function, **arguments), layers.Dense(3)]
    return with_random_weights(keras.Sequential([keras.Input((4,)), *parts]))


@pytest.mark.parametrize("functions", ["before", "between"])
def test_the_type_that_is_read_is_that_of_the_input(functions):
    made = layers.Dense(6, activation=lambda x: tf.cast(x - fraction(x), "int32"), name="made")
    if functions == "between":
        made = layers.Dense(6, name="made")
    x = inputs = keras.Input((4,))
    x = layers.Lambda(lambda x: tf.cast(x, "int32"))(made(x))
    x = layers.Lambda(lambda x: tf.cast(tf.abs(x), "float32"))(x)
    model = keras.Model(inputs, layers.Dense(2)(x))
    (group,) = [group for group in channel_groups(model) if group.name == "made"]
    assert group.prunable == (functions == "between")


@pytest.mark.parametrize("kind", ["of Keras", "of TensorFlow", "nested", "compiled"])
def test_a_function_that_was_compiled_before_tells_what_it_reads(kind):
    variable = tf.Variable([1.5]) if kind == "of TensorFlow" else keras.Variable([1.5])
    inner = tf.function(
        lambda x: x * tf.reduce_sum(ops.convert_to_tensor(variable)),
        jit_compile=kind == "compiled" or None,
    )
    function = (lambda x: tf.nn.relu(inner(x))) if kind == "nested" else inner
    model = behind(function)
    reasons = [channel_groups(model)[1].reason for _ in range(4)]
    assert all(
        reason.endswith("it reads weights; make it a layer of its own") for reason in reasons
    )
    assert len(set(reasons)) == 1


def assigning(kind, variable):
    def plain(x):
        variable.assign_add(1.0)
        return tf.tanh(x)

    return {
        "plain": plain,
        "compiled": tf.function(plain),
        "read": lambda x: x * variable.assign_add(1.0),
        "by operations": lambda x: (variable.assign(2 * variable), ops.tanh(x))[1],
    }[kind]


@pytest.mark.parametrize(
    ("kind", "of"),
    [
        *[(kind, tf.Variable) for kind in ("plain", "compiled", "read", "by operations")],
        *[(kind, keras.Variable) for kind in ("plain", "compiled", "by operations")],
    ],
)
def test_probes_leave_variables_as_they_were(kind, of):
    variable = of(2.0)
    model = behind(assigning(kind, variable))
    start = float(ops.convert_to_numpy(variable))
    made = channel_groups(model)[1]
    assert "it assigns to a variable" in made.reason or "or remembers" in made.reason
    prune_channels(model, {"first": np.arange(8) > 2})
    switched = SwitcherModel(model)
    switched.structure()
    switched.compact()
    assert float(ops.convert_to_numpy(variable)) == start


def at(position, function, axis=-1):
    """A function of one channel; the others stay as they are."""

    def only_there(x):
        before, there, after = tf.split(x, [position, 1, x.shape[axis] - position - 1], axis)
        return tf.concat([before, function(there), after], axis)

    return only_there


@pytest.mark.parametrize("position", [0, 7, 15])
@pytest.mark.parametrize(
    "function",
    [tf.nn.relu, tf.abs, tf.nn.relu6, lambda x: tf.clip_by_value(x, -3.0, 3.0), tf.sigmoid],
)
def test_a_function_of_one_channel_is_not_one_of_all(function, position):
    assert why_not_elementwise(at(position, function), (None, 16), "float32")
    assert why_not_elementwise(at(position, function), (None, 5, 5, 16), "float32")
    assert why_not_elementwise(at(position, function, 1), (None, 16, 5, 5), "float32")
