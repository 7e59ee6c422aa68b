"""How hard a budget pulls at each factor: by ratios, so that they do not shrink together."""

import keras
import numpy as np
import pytest
from helpers.gradients import gradient_of
from helpers.toys import crossentropy
from hypothesis import given
from hypothesis import strategies as st
from keras import layers, ops
from sklearn.datasets import load_digits

from keras_switcher import Budget, SwitcherModel
from keras_switcher.graph.groups import ChannelGroup
from keras_switcher.training.budget.slopes import LARGE, LEAST_SCALE, RATIOS, Slopes


def slopes(factors, sensitivity=None, *, is_normalized=False, is_short=False, lateness=0.0):
    """How hard each factor of one group is pulled at, if all cost the same."""
    pulled = Slopes([ChannelGroup("group", len(factors))], [is_normalized])
    given = {"group": ops.convert_to_tensor(factors, "float32")}
    shares = [0.5] * len(factors) if sensitivity is None else sensitivity
    shares = {"group": ops.convert_to_tensor(shares, "float32")}
    costs = {"group": ops.ones(len(factors))}
    return ops.convert_to_numpy(pulled(costs, given, shares, is_short, lateness)["group"])


FACTORS = st.lists(st.sampled_from([0.0, *np.linspace(0.3, 3, 28)]), min_size=1, max_size=20)
# Factors, and how far the loss relies on each.
PAIRS = st.lists(
    st.tuples(st.sampled_from([0.0, *np.linspace(0.3, 3, 28)]), st.floats(0.01, 1.0)),
    min_size=1,
    max_size=20,
)


@pytest.mark.parametrize("of_scale", [False, True])
@given(factors=FACTORS)
def test_the_pull_is_the_gradient_of_the_effective_number_where_the_loss_relies_on_all_alike(
    of_scale, factors
):
    total, squares = sum(factors), sum(f * f for f in factors)
    scale = squares / total if total else LEAST_SCALE

    def effective(values):
        sums = ops.sum(values)
        number = ops.square(sums) / ops.sum(ops.square(values)) if total else 2 * sums / scale
        return RATIOS / 2 * number + of_scale * sums / scale

    found, expected = (
        slopes(factors, is_normalized=of_scale),
        gradient_of(effective, np.float32(factors)),
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@given(PAIRS, st.floats(1.0, 50.0), st.booleans())
def test_ratios_alone_decide_who_is_pulled(pairs, scale, is_normalized):
    factors, shares = map(np.array, zip(*pairs, strict=True))
    if not factors.any():
        return
    once = slopes(factors, shares, is_normalized=is_normalized)
    scaled = slopes(factors * scale, shares, is_normalized=is_normalized)
    np.testing.assert_allclose(scaled * scale, once, rtol=1e-3, atol=1e-3)


@given(PAIRS)
def test_a_scale_that_the_task_needs_is_left_alone(pairs):
    """The pull is orthogonal to the factors: they do not shrink together, or grow."""
    factors, shares = map(np.array, zip(*pairs, strict=True))
    if factors.any():
        found = slopes(factors, shares)
        # A factor that is alone has no slope, and its rounding is that of what is subtracted.
        rounding = 1e-3 * np.abs(found) @ factors + 1e-6 * RATIOS * factors.sum()
        assert np.dot(found, factors) == pytest.approx(0, abs=rounding)


def test_what_the_loss_does_not_rely_on_is_lost_first_however_large_its_factor_is():
    found = slopes([1.0, 1.0, 1.2, 0.0], [0.5, 0.6, 0.0, 0.0])
    scale = 3.44 / 3.2
    assert found[2] == found[3] == pytest.approx(RATIOS / scale)
    # What those two take is given back to the others, in proportion to how much is relied on them.
    back = 3.2 / (0.5 + 0.6)
    assert found[:2] == pytest.approx(RATIOS / scale * (1 - back * np.array([0.5, 0.6])))
    assert found[1] < found[0] < 0


def test_equal_factors_are_pulled_as_a_whole_where_their_scale_has_no_effect_or_it_is_late():
    equal = [1.0, 1.0, 1.0]
    assert slopes(equal) == pytest.approx([0, 0, 0])
    assert slopes(equal, is_normalized=True) == pytest.approx([1, 1, 1])
    assert slopes(equal, lateness=0.25) == pytest.approx([0.25] * 3)
    # Both together are no more than one of them.
    assert slopes(equal, is_normalized=True, lateness=1.0) == pytest.approx([1, 1, 1])


@given(PAIRS, st.booleans(), st.floats(0, 1))
def test_where_too_little_is_kept_nothing_shrinks_and_what_is_off_and_sensitive_comes_first(
    pairs, is_normalized, lateness
):
    factors, shares = map(np.array, zip(*pairs, strict=True))
    found = slopes(factors, shares, is_normalized=is_normalized, is_short=True, lateness=lateness)
    total = factors.sum()
    scale = (factors**2).sum() / total if total else LEAST_SCALE
    grows = np.clip(LARGE + 1 - scale, 0, 1)
    off = grows + RATIOS * np.maximum(0, 1 - factors / scale)
    np.testing.assert_allclose(found, 2 * shares * off / scale, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("scale", "grows"), [(0.5, 1), (1.5, 1), (2.0, 0.5), (2.5, 0), (9.0, 0)])
def test_a_group_grows_as_a_whole_only_until_its_scale_is_large(scale, grows):
    assert slopes([scale] * 3, is_short=True) == pytest.approx([grows / scale] * 3, abs=1e-6)


def test_what_the_loss_does_not_rely_on_does_not_come_back():
    found = slopes([1.0, 0.0, 0.0], [0.5, 0.5, 0.0], is_short=True)
    assert found == pytest.approx([1, 1 + RATIOS, 0])


def test_small_factors_are_pulled_harder_and_large_ones_away():
    of_each = slopes([0.5, 0.5, 0.5, 0.5, 2.0, 0.0], is_normalized=True)
    assert of_each[0] > 1 > 0 > of_each[4]
    assert of_each[5] > of_each[0]
    assert slopes([0.0, 0.0]) == pytest.approx([RATIOS / LEAST_SCALE] * 2)


def test_every_kernel_of_connections_has_a_scale_of_its_own():
    factors = {"few": np.float32([[1.0, 3.0]]), "equal": np.float32([[7.0], [7.0]])}
    costs = {"few": np.float32([[0.5, 2.0]]), "equal": np.float32([[1.0], [1.0]])}
    shares = {name: 0.5 * ops.ones_like(factor) for name, factor in factors.items()}
    found = Slopes([], [])(costs, factors, shares, is_short=False, lateness=0.0)
    scale = 10 / 4
    expected = np.array([[0.5, 2.0]]) * RATIOS * (1 - np.array([[1.0, 3.0]]) / scale) / scale
    np.testing.assert_allclose(found["few"], expected, rtol=1e-5)
    np.testing.assert_allclose(found["equal"], [[0.0], [0.0]], atol=1e-6)


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
def test_groups_whose_readers_are_normalised_are_pulled_at_as_a_whole(model, expected):
    model = SwitcherModel(model())
    factors = {group.name: ops.ones(group.size) for group in model.gated.groups}
    pulls = model.budget_gradient.slopes(factors, factors, factors, is_short=False, lateness=0.0)
    found = [name for name, pull in pulls.items() if np.abs(pull).max() > 1e-6]
    assert sorted(found) == expected
    for name in expected:
        np.testing.assert_allclose(pulls[name], 1.0, rtol=1e-5)


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
