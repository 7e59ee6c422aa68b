"""What a budget counts: on or off, with a gradient that no normalisation can undo."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from keras import layers, ops
from sklearn.datasets import load_digits
from toys import crossentropy

from keras_switcher import Budget, SwitcherModel
from keras_switcher.counted_channels import LEAST_SCALE, RATIOS, CountedChannels
from keras_switcher.graph.groups import ChannelGroup


def counted(factors, of_ratios=True):
    """The counts of one group, and the gradient of their sum."""
    count = CountedChannels([ChannelGroup("group", len(factors))], [of_ratios])
    joined = tf.constant([*factors, 1.0])
    with tf.GradientTape() as tape:
        tape.watch(joined)
        counts = count(joined)
        total = ops.sum(counts)
    return counts[:-1].numpy(), tape.gradient(total, joined)[:-1].numpy()


FACTORS = st.lists(st.sampled_from([0.0, *np.linspace(0.3, 3, 28)]), min_size=1, max_size=20)


@given(FACTORS)
def test_the_gradient_is_that_of_the_effective_number_and_of_the_factors_by_their_scale(factors):
    counts, gradient = counted(factors)
    np.testing.assert_allclose(counts, np.array(factors) > 0, atol=1e-6)
    values = tf.constant(factors)
    total, squares = sum(factors), sum(f * f for f in factors)
    scale = squares / total if total else LEAST_SCALE
    with tf.GradientTape() as tape:
        tape.watch(values)
        sums = ops.sum(values)
        effective = ops.square(sums) / ops.sum(ops.square(values)) if total else 2 * sums / scale
        expected = RATIOS / 2 * effective + sums / scale
    np.testing.assert_allclose(gradient, tape.gradient(expected, values), rtol=1e-4, atol=1e-4)


@given(FACTORS, st.floats(1.0, 50.0))
def test_ratios_alone_decide_who_is_pulled(factors, scale):
    if not any(factors):
        return
    _, gradient = counted(factors)
    _, scaled = counted(np.array(factors) * scale)
    np.testing.assert_allclose(scaled * scale, gradient, rtol=1e-3, atol=1e-4)


def test_equal_factors_are_pulled_as_plain_ones_and_small_ones_harder():
    assert counted([1.0, 1.0, 1.0])[1] == pytest.approx([1, 1, 1])
    _, gradient = counted([0.5, 0.5, 0.5, 0.5, 2.0, 0.0])
    assert gradient[0] > 1 > 0 > gradient[4]
    assert gradient[5] > gradient[0]
    _, none = counted([0.0, 0.0])
    assert none == pytest.approx([(1 + RATIOS) / LEAST_SCALE] * 2)


@given(FACTORS)
def test_plain_counts_have_the_gradient_of_the_factors(factors):
    counts, gradient = counted(factors, of_ratios=False)
    np.testing.assert_allclose(counts, np.array(factors) > 0, atol=1e-6)
    np.testing.assert_array_equal(gradient, np.ones(len(factors)))


def image():
    return keras.Input((8, 8, 3))


def conv(name, **kwargs):
    return layers.Conv2D(6, 3, padding="same", name=name, **kwargs)


def ended(inputs, x):
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(2, name="head")(x))


def chain(*norms):
    """Three convolutions, each with a layer behind it, or none."""
    inputs = x = image()
    for name, norm in zip(("a", "b", "c"), norms, strict=True):
        x = conv(name)(x)
        x = layers.ReLU()(norm(x) if norm else x)
    return ended(inputs, x)


def preactivated():
    inputs = image()
    stream = conv("a")(inputs)
    for name in ("b", "c"):
        x = layers.ReLU()(layers.BatchNormalization()(stream))
        stream = layers.Add()([stream, conv(f"{name}2")(layers.ReLU()(conv(f"{name}1")(x)))])
    return ended(inputs, layers.BatchNormalization()(stream))


def inverted():
    inputs = image()
    x = layers.BatchNormalization()(conv("a")(inputs))
    x = layers.ReLU()(layers.BatchNormalization()(conv("b")(x)))
    x = layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(x))
    return ended(inputs, layers.BatchNormalization(scale=False)(conv("c")(x)))


def shared():
    """A layer without a normalisation, called twice on what is normalised."""
    inputs, again = image(), conv("b")
    x = layers.BatchNormalization()(conv("a")(inputs))
    return ended(inputs, layers.Add()([again(x), again(layers.ReLU()(x))]))


def dense_inputs():
    inputs = keras.Input((4,))
    x = layers.LayerNormalization()(layers.Dense(8, name="a")(inputs))
    return keras.Model(inputs, layers.Dense(2)(layers.Dense(6, "relu", name="b")(x)))


BATCH, NONE = layers.BatchNormalization, None


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (lambda: chain(NONE, NONE, NONE), []),
        (lambda: chain(BATCH(), NONE, NONE), []),
        (lambda: chain(NONE, BATCH(), NONE), ["a"]),
        (lambda: chain(BATCH(), BATCH(), BATCH()), ["a", "b"]),
        (lambda: chain(NONE, layers.GroupNormalization(2), NONE), ["a"]),
        (lambda: chain(NONE, NONE, layers.GroupNormalization(-1)), ["b"]),
        (lambda: chain(NONE, layers.LayerNormalization(), NONE), ["a"]),
        (lambda: chain(NONE, layers.RMSNormalization(), NONE), ["a"]),
        (lambda: chain(NONE, layers.Softmax(), NONE), []),
        (preactivated, ["b1", "c1"]),
        (inverted, ["a", "b"]),
        (shared, []),
        (dense_inputs, ["a/inputs"]),
    ],
)
def test_groups_whose_readers_are_normalised_are_counted_by_ratios(model, expected):
    wiring = SwitcherModel(model()).wiring
    factors = {g.name: tf.constant(np.linspace(0.5, 1.5, g.size), "float32") for g in wiring.groups}
    with tf.GradientTape() as tape:
        tape.watch(factors)
        kept = wiring.kept(factors, "weights")
    found = []
    for name, gradient in tape.gradient(kept, factors).items():
        if np.ptp(gradient) > 1e-6:
            f = factors[name].numpy()
            q = (f**2).sum() / f.sum()
            slopes = (1 + RATIOS * (1 - f / q)) / q
            np.testing.assert_allclose(gradient / gradient[0], slopes / slopes[0], rtol=1e-3)
            found.append(name)
    assert sorted(found) == expected


def residual(width=8):
    inputs = keras.Input((8, 8, 1))
    stream = layers.Conv2D(width, 3, padding="same")(inputs)
    for _ in range(2):
        x = stream
        for _ in range(2):
            x = layers.ReLU()(layers.BatchNormalization()(x))
            x = layers.Conv2D(width, 3, padding="same")(x)
        stream = layers.Add()([stream, x])
    x = layers.ReLU()(layers.BatchNormalization()(stream))
    return keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


def test_a_residual_network_comes_down_to_its_budget_and_its_factors_do_not_shrink_together():
    digits = load_digits()
    x, y = digits.images[:1280, ..., None] / 16.0, digits.target[:1280]
    keras.utils.set_random_seed(0)
    model = SwitcherModel(residual(), alternation="joint", budget=Budget(0.3, "macs", 1, 6))
    epochs, batch = 12, 32

    def sgd(rate, **kwargs):
        falling = keras.optimizers.schedules.CosineDecay(rate, epochs * len(x) // batch)
        return keras.optimizers.SGD(falling, 0.9, **kwargs)

    model.compile(sgd(0.05), crossentropy(), switcher_optimizer=sgd(0.01, global_clipnorm=1.0))
    model.fit(x, y, batch, epochs, verbose=0)
    # One channel more or less is .013.
    assert 1 - model.structure().removed("macs") == pytest.approx(0.3, abs=0.02)
    for factors in model.scaling_factors().values():
        assert factors.max() > 0.5
