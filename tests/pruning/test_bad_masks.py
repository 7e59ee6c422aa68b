"""Bad masks for branches: the error names what is wrong, and the model is left as it was."""

import keras
import numpy as np
import pytest
from helpers.checks import (
    check_close,
    check_same_weights,
    draw_inputs,
    weights_of,
    with_random_weights,
)
from helpers.synthetic.registry import conv, head, image
from keras import layers

from keras_switcher import prune_channels

GOOD = np.arange(8) % 2 > 0


def network():
    inputs = image()
    x = conv(inputs, "stem")
    x = layers.Add(name="sum")([x, conv(conv(x, "inner", 6), "outer")])
    x = layers.LayerNormalization(name="norm")(conv(x, "normed", 5))
    return with_random_weights(keras.Model(inputs, head(x), name="net"))


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (
            {"stem": GOOD, "outer": ~GOOD},
            "'stem' and 'outer' belong to one group, 'stem', .*Pass one of them",
        ),
        ({"outer": GOOD[:6]}, r"must have shape \(8,\).*group 'stem'. Received shape \(6,\)"),
        ({"outer": GOOD.astype("float32")}, "must be boolean .*Received dtype float32"),
        ({"outer": GOOD & ~GOOD}, "Nothing is left of 'stem'"),
        ({"sum": GOOD}, "'sum' names no channel group or layer"),
        ({"normed": GOOD[:5]}, "'normed' in `keep` cannot be pruned: .*over the channels"),
    ],
)
def test_bad_masks_raise_and_change_nothing(keep, message):
    model = network()
    before, config = weights_of(model), model.get_config()
    with pytest.raises(ValueError, match=message):
        prune_channels(model, keep)
    check_same_weights(model, before)
    assert model.get_config() == config


def test_masks_that_agree_may_name_both_layers():
    model = network()
    x = draw_inputs(model)
    both = prune_channels(model, {"stem": GOOD, "outer": GOOD})
    check_close(both(x), prune_channels(model, {"outer": GOOD})(x))


def test_name_of_two_layers_is_refused():
    inputs = keras.Input((4,))
    x = inputs
    for name in ("first", "second"):
        inner = keras.Sequential([keras.Input(x.shape[1:]), layers.Dense(6, name="same")])
        x = layers.Add()([layers.Dense(6, name=name)(x), inner(x)])
    model = keras.Model(inputs, layers.Dense(2, name="head")(x))
    with pytest.raises(ValueError, match=r"'same' names several .*'first', 'second'"):
        prune_channels(model, {"same": np.arange(6) > 2})


def test_unbuilt_model_is_refused():
    model = keras.Sequential([layers.Dense(4, name="one"), layers.Dense(2)])
    with pytest.raises(ValueError, match="is not built"):
        prune_channels(model, {"one": np.arange(4) > 1})


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_is_near(policy):
    keras.config.set_dtype_policy(policy)
    model = network()
    keep = {"stem": GOOD, "inner": np.arange(6) > 1}
    small, x = prune_channels(model, keep), draw_inputs(model)
    assert small.get_layer("outer").dtype_policy.name == policy
    reference = keras.models.clone_model(model)
    reference.set_weights(model.get_weights())
    for name, rows in {"inner": GOOD, "normed": GOOD, "outer": keep["inner"]}.items():
        kernel = reference.get_layer(name).kernel
        kernel.assign(kernel * rows[:, None].astype("float32"))
    expected, actual = (np.float32(net(x, training=False)) for net in (reference, small))
    assert np.abs(expected - np.float32(model(x, training=False))).max() > 0.1
    assert np.abs(actual - expected).max() < 0.02 * np.abs(expected).max()


@pytest.mark.parametrize("largest", [1e39, 1e300])
def test_a_scale_that_float32_cannot_hold_is_refused(largest):
    scale = np.where(GOOD, largest, 1.0)
    with pytest.raises(ValueError, match=r"`scale` of 'stem' are too large for float32: .* 1e\+3"):
        prune_channels(network(), {}, scale={"stem": scale})
