"""Activations are what they are by name: functions, layers, and callables that nobody knows."""

import contextlib
import re
from functools import partial

import keras
import numpy as np
import pytest
from helpers.checks import (
    check_close,
    check_independent,
    draw_inputs,
    draw_masks,
    masks_for,
    run_gated,
    with_random_weights,
)
from helpers.toys import in_double
from keras import layers, ops

from keras_switcher import SwitcherModel, channel_groups, prune_channels
from keras_switcher.graph.elementwise import ELEMENTWISE

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

UNITS = 12
SLOPES = np.linspace(0.1, 1, UNITS, dtype="float32")
ALIKE = np.full(UNITS, 0.5, "float32")
VARIABLE, SCALAR = keras.Variable(ALIKE), keras.Variable(0.3)
DRAWN = np.random.default_rng(0)


class Swish(layers.Layer):
    """A layer of a user's own, without weights."""

    def call(self, inputs):
        return inputs * ops.sigmoid(inputs)


class Scaled(layers.Layer):
    """A layer of a user's own, with a weight per channel."""

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones", name="scale")

    def call(self, inputs):
        return inputs * self.scale


class Counting:
    """Remembers how often it was called."""

    calls = 0

    def __call__(self, x):
        self.calls += 1
        return x * self.calls


def built(layer, shape=(None, 6, 6, UNITS)):
    layer.build(shape)
    return layer


def leaky(x, alpha=0.2):
    return ops.where(x > 0, x, alpha * x)


PRELU = built(layers.PReLU())
PRUNABLE = {
    "tf.nn.relu": lambda: tf.nn.relu,
    "tf.nn.swish": lambda: tf.nn.swish,
    "tf.nn.leaky_relu": lambda: tf.nn.leaky_relu,
    "tf.math.tanh": lambda: tf.math.tanh,
    "keras.ops.silu": lambda: ops.silu,
    "keras.ops.softplus": lambda: ops.softplus,
    "ReLU": lambda: layers.ReLU(6.0),
    "LeakyReLU": lambda: layers.LeakyReLU(0.1),
    "ELU": lambda: layers.ELU(0.5),
    "Activation": lambda: layers.Activation("mish"),
    "Activation of tf.nn": lambda: layers.Activation(tf.nn.gelu),
    "Activation of Activation of a layer": lambda: layers.Activation(layers.ReLU(4.0)),
    "Dropout": lambda: layers.Dropout(0.5),
    "PReLU": layers.PReLU,
    "PReLU, shared": lambda: layers.PReLU(shared_axes=[1, 2]),
    "Activation of PReLU": lambda: layers.Activation(layers.PReLU(shared_axes=[1])),
    "own layer": Swish,
    "partial": lambda: partial(keras.activations.leaky_relu, negative_slope=0.3),
    "operations": lambda: lambda x: ops.where(x > 0, x, 0.1 * x) + x * ops.sigmoid(x),
    "tf in a function": lambda: lambda x: tf.nn.relu(x) - 0.1 * tf.math.softplus(x),
    "a number learned elsewhere": lambda: lambda x: ops.relu(x) * SCALAR,
}
LOCKED = {
    "softmax": ("softmax", "a Softmax over the channels"),
    "Softmax": (layers.Softmax(), "a Softmax over the channels"),
    "Softmax over positions": (layers.Softmax(axis=1), "a Softmax over the channels"),
    "ops.softmax": (lambda x: 2 * ops.softmax(x), "a Softmax over the channels"),
    "sort": (lambda x: ops.sort(x, axis=-1), "lies along the axis of 'Sort'"),
    "norm": (lambda x: x / ops.sqrt(ops.sum(x * x)), "of 'Sum', which mixes it"),
    "flipped": (lambda x: x + ops.flip(x, -1), "combines channels with one another"),
    "seeded noise": (lambda x: x + keras.random.normal(ops.shape(x), seed=1), "on its position"),
    "noise": (lambda x: x + DRAWN.normal(), "draws at random"),
    "counter": (Counting(), "or remembers"),
    "array": (lambda x: x * SLOPES, "holds an array of constants"),
    "array of equal numbers": (lambda x: x * ALIKE, "holds an array of constants"),
    "variable": (lambda x: x * VARIABLE, "holds an array of constants"),
    "mean of a variable": (lambda x: x * ops.mean(VARIABLE), "reads weights"),
    "layer in a function": (lambda x: PRELU(x), "reads weights"),
    "bound method": (PRELU.call, "has weights of its own"),
    "own layer with weights": (Scaled(), "is not built"),
    "own layer that is built": (built(Scaled()), "has weights of its own"),
    "BatchNormalization": (built(layers.BatchNormalization()), "has weights of its own"),
    "Dense": (built(layers.Dense(UNITS)), "has weights of its own"),
    "error": (lambda x: 1 / 0, "raised ZeroDivisionError when it was called"),
}
if keras.backend.backend() == "tensorflow":
    OF_TENSORFLOW = tf.Variable(ALIKE)
    LOCKED |= {
        "tf.nn.softmax": (tf.nn.softmax, "depends on others"),
        "tf.nn.crelu": (tf.nn.crelu, r"it makes \(21, 1, 1, 2\) of"),
        "mean over samples": (lambda x: x - tf.reduce_mean(x, 0), "depends on others"),
        "ramp": (
            lambda x: x * tf.range(tf.cast(tf.shape(x)[1], x.dtype))[:, None, None],
            "position",
        ),
        "draw": (lambda x: tf.nn.relu(x) * keras.random.uniform(()), "draws at random"),
        "dropout": (lambda x: tf.nn.dropout(x, 0.5), "draws at random"),
        "variable of TensorFlow": (
            lambda x: tf.nn.relu(x) * OF_TENSORFLOW,
            r"it makes \(21, 1, 1, 12\) of",
        ),
        "variable and TensorFlow": (lambda x: tf.nn.relu(x) * VARIABLE, "reads weights"),
    }
    OF_BACKEND = {"relu": tf.nn.relu, "softmax": tf.nn.softmax, "leaky": tf.nn.leaky_relu}
else:
    PRUNABLE = {name: make for name, make in PRUNABLE.items() if "tf" not in name}
    OF_BACKEND = {"relu": ops.relu, "softmax": ops.softmax, "leaky": leaky}


def network(activation, kind="activation"):
    """A convolution with an activation, as its argument or behind it."""
    if kind == "activation":
        parts = [layers.Conv2D(UNITS, 3, activation=activation, name="convolution")]
    else:
        kinds = {"layer": layers.Activation, "function": layers.Lambda}
        parts = [layers.Conv2D(UNITS, 3, name="convolution"), kinds[kind](activation)]
    parts += [layers.Conv2D(5, 1), layers.GlobalAveragePooling2D(), layers.Dense(3)]
    return keras.Sequential([keras.Input((8, 8, 3)), *parts])


OF_LAYERS = ("tf.nn.swish", "ReLU", "PReLU", "partial", "tf.nn.softmax", "sort", "array")
OF_LAMBDAS = ("tf.nn.swish", "partial", "operations", "tf in a function", "ops.softmax", "flipped")
OF_LAMBDAS = (*OF_LAMBDAS, "draw", "array", "variable and TensorFlow", "layer in a function")


def of_kinds(names):
    """Each name as an argument of the convolution, some of them as a layer behind it, too."""
    cases = [(name, "activation") for name in names]
    cases += [(name, "layer") for name in OF_LAYERS if name in names]
    return cases + [(name, "function") for name in OF_LAMBDAS if name in names]


@pytest.mark.parametrize(("name", "kind"), of_kinds(PRUNABLE))
def test_what_treats_each_channel_by_itself_can_be_pruned_exactly(name, kind):
    model = network(PRUNABLE[name](), kind)
    group = channel_groups(model)[0]
    assert group.prunable, group.reason
    x = draw_inputs(with_random_weights(model))
    keep, scale = masks_for(model)
    factors = {name: np.float32(mask * scale[name]) for name, mask in keep.items()}
    small = prune_channels(model, keep, scale)
    assert small.layers[1].filters == 6
    check_close(small(x), run_gated(model, factors, x), name)


@pytest.mark.parametrize(("name", "kind"), of_kinds(LOCKED))
def test_what_does_not_is_locked_with_the_reason(name, kind):
    activation, why = LOCKED[name]
    model = network(activation, kind)
    group = channel_groups(model)[0]
    assert group.name == "convolution"
    layer = model.layers[0 if kind == "activation" else 1]
    what = "function" if kind == "function" else "activation"
    assert group.reason.startswith(f"goes through the {what} ")
    assert f"of '{layer.name}': " in group.reason
    assert re.search(why, group.reason), group.reason


def behind_lambda(function, **arguments):
    made = layers.Dense(UNITS, name="made")
    parts = [made, layers.Lambda(function, name="function", **arguments), layers.Dense(3)]
    return with_random_weights(keras.Sequential([keras.Input((6,)), *parts]))


@pytest.mark.parametrize(
    "given",
    [
        {"output_shape": (UNITS,)},
        {"output_shape": lambda shape: shape},
        {"arguments": {"alpha": 0.3}},
    ],
)
def test_a_lambda_gets_narrower_with_what_it_reads(given):
    model, keep = behind_lambda(OF_BACKEND["leaky"], **given), np.arange(UNITS) % 3 > 0
    x = draw_inputs(model)
    small = prune_channels(model, {"made": keep})
    assert small.get_layer("function").output.shape == (None, keep.sum())
    check_close(small(x), run_gated(model, {"made": np.float32(keep)}, x))


@pytest.mark.parametrize(
    ("function", "given", "why"),
    [
        (
            OF_BACKEND["relu"],
            {"output_shape": lambda shape: (None, UNITS)},
            "where this has another one",
        ),
        (
            OF_BACKEND["relu"],
            {"output_shape": {(None, UNITS): (None, UNITS)}.__getitem__},
            "where this has another one",
        ),
        (lambda x: ops.sum(x, -1, keepdims=True), {}, "does not make one tensor of the shape"),
        (lambda x, mask=None: x, {}, "depends on a mask"),
        (lambda x, training=False: x, {}, "whether it is trained"),
        (ops.flip, {"arguments": {"axis": -1}}, "combines channels with one another"),
    ],
)
def test_a_lambda_that_does_more_is_locked_with_the_reason(function, given, why):
    group = channel_groups(behind_lambda(function, **given))[0]
    assert group.reason.startswith("goes through the function ")
    assert "of 'function': " in group.reason
    assert why in group.reason


@pytest.mark.parametrize("name", ["ReLU", "PReLU", "PReLU, shared", "Activation of PReLU"])
def test_activations_that_are_layers_come_back_from_files(tmp_path, name):
    model = network(PRUNABLE[name]())
    keep = {channel_groups(model)[0].name: np.arange(UNITS) % 3 > 0}
    small = prune_channels(with_random_weights(model), keep)
    small.save(tmp_path / "small.keras")
    x = draw_inputs(model)
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "small.keras")(x), small(x))
    check_independent(model, small, x)


@pytest.mark.parametrize("function", [OF_BACKEND["relu"], ops.silu, layers.ReLU(2.0), "gelu"])
def test_functions_that_keras_knows_come_back_from_files(tmp_path, function):
    small = prune_channels(
        with_random_weights(network(function)), {"convolution": np.arange(UNITS) > 3}
    )
    small.save(tmp_path / "small.keras")
    x = draw_inputs(small)
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "small.keras")(x), small(x))


def dense():
    return [keras.Input((6,)), layers.Dense(UNITS, activation=layers.PReLU(), name="made")]


def sequence():
    return [keras.Input((5, 6)), layers.Dense(UNITS, activation=layers.PReLU(), name="made")]


def depthwise():
    return [
        keras.Input((6, 6, 2)),
        layers.Conv2D(UNITS, 3, name="made"),
        layers.DepthwiseConv2D(3, activation=layers.PReLU()),
    ]


def transposed():
    made = layers.Conv2DTranspose(UNITS, 2, activation=layers.PReLU(shared_axes=[2]), name="made")
    return [keras.Input((6, 6, 2)), made]


def einsum():
    activation = layers.PReLU()
    made = layers.EinsumDense("abc,cd->abd", (5, UNITS), activation=activation, name="made")
    return [keras.Input((5, 6)), made]


@pytest.mark.parametrize("make", [dense, sequence, depthwise, transposed, einsum])
def test_slopes_of_a_prelu_go_with_the_channels_of_any_kernel(make):
    model = with_random_weights(keras.Sequential([*make(), layers.Flatten(), layers.Dense(3)]))
    x = draw_inputs(model)
    channel_groups(model)
    with_random_weights(model)  # The slopes too, which are there now.
    keep, scale = draw_masks([g for g in channel_groups(model) if g.name == "made"], 0.5)
    factors = {"made": np.float32(keep["made"] * scale["made"])}
    small = prune_channels(model, keep, scale)
    check_close(small(x), run_gated(model, factors, x))
    slopes = next(w for w in small.weights if w.name == "alpha")
    assert slopes.shape[-1] == keep["made"].sum()


def test_a_prelu_learns_under_a_switcher():
    model = SwitcherModel(keras.Sequential([*dense(), layers.Dense(3)]))
    model.compile("sgd", "mse", switcher_optimizer="sgd", run_eagerly=True)
    slopes = model.task.layers[0].activation.alpha
    before, (x, y) = np.array(slopes), (np.ones((8, 6)), np.ones((8, 3)))
    model.fit(x, y, verbose=0)
    assert (np.array(slopes) != before).any()
    check_close(model.compact()(x), model(x))


def test_slopes_of_an_open_shape_are_named():
    own = layers.Conv2D(4, 3, activation=layers.PReLU())
    model = keras.Sequential([keras.Input((None, None, 3)), own, layers.Conv2D(2, 1)])
    assert "which is open; share them" in channel_groups(model)[0].reason
    shared = layers.Conv2D(4, 3, activation=layers.PReLU(shared_axes=[1, 2]))
    model = keras.Sequential([keras.Input((None, None, 3)), shared, layers.Conv2D(2, 1)])
    assert channel_groups(model)[0].prunable


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
@pytest.mark.parametrize(
    "name", [n for n in ("tf.nn.swish", "operations", "ReLU", "tf in a function") if n in PRUNABLE]
)
def test_probes_are_in_the_precision_of_the_layer(policy, name):
    keras.config.set_dtype_policy(policy)
    with in_double() if policy == "float64" else contextlib.nullcontext():
        assert channel_groups(network(PRUNABLE[name]()))[0].prunable
        assert not channel_groups(network(OF_BACKEND["softmax"]))[0].prunable


def test_reading_a_model_calls_no_activation_that_is_known_by_name(monkeypatch):
    def never(*args):
        raise AssertionError

    monkeypatch.setattr("keras_switcher.graph.elementwise.why_not_elementwise", never)
    monkeypatch.setattr("keras_switcher.graph.elementwise._why_by_rules", never)
    for function in ELEMENTWISE:
        assert channel_groups(network(function))[0].prunable
