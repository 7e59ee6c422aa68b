"""Criteria score channels as an independent computation on the arrays does."""

import keras
import numpy as np
import pytest
from helpers.checks import with_random_weights
from helpers.toys import mlp
from keras import layers, ops

from keras_switcher.batches import batches_of
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.criteria import (
    Activation,
    BNScale,
    GroupNorm,
    Random,
    ScoredNetwork,
    Taylor,
    check_scores,
    get,
)
from keras_switcher.training.observing import observe_activations, observe_gradients


def coupled():
    """A residual sum: stem and branch make one group, over a depthwise and a normalisation."""
    x = inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(4, 3, padding="same", use_bias=False, name="stem")(x)
    x = layers.BatchNormalization(name="norm")(x)
    y = layers.ReLU()(x)
    y = layers.Conv2D(5, 1, name="inner")(y)
    y = layers.Conv2D(4, 3, padding="same", name="branch")(layers.ReLU()(y))
    x = layers.Add()([x, y])
    x = layers.DepthwiseConv2D(3, name="depthwise", activation="relu")(x)
    x = layers.Flatten()(x)
    outputs = layers.Dense(3, name="head")(x)
    return with_random_weights(keras.Model(inputs, outputs, name="coupled"))


def scored(model, data=None):
    channel_graph = ChannelGraph(model)
    groups = [g for g in channel_graph.groups if g.prunable and not g.is_input]
    if data is None:
        return ScoredNetwork(channel_graph, groups)
    return ScoredNetwork(
        channel_graph,
        groups,
        lambda: observe_gradients(model, groups, data),
        lambda: observe_activations(channel_graph, groups, data),
    )


def weights(model):
    return {
        f"{layer.name}/{weight.name}": ops.convert_to_numpy(weight).astype("float64")
        for layer in model.layers
        for weight in layer.weights
    }


@pytest.mark.parametrize("order", [1, 2])
def test_group_norm(order):
    model = coupled()
    w = {name: np.abs(value) ** order for name, value in weights(model).items()}
    # The 16 positions of each channel lie one behind the other, channels last.
    head = w["head/kernel"].reshape(4, 4, 4, 3).sum((0, 1, 3))
    stem = (
        w["stem/kernel"].sum((0, 1, 2))
        + w["branch/kernel"].sum((0, 1, 2))
        + w["inner/kernel"].sum((0, 1, 3))
        + w["depthwise/kernel"].sum((0, 1, 3))
        + w["norm/gamma"]
        + head
    )
    inner = w["inner/kernel"].sum((0, 1, 2)) + w["branch/kernel"].sum((0, 1, 3))
    found = GroupNorm(order).scores(scored(model))
    for name, total in {"stem": stem, "inner": inner}.items():
        expected = total ** (1 / order)
        np.testing.assert_allclose(found[name], expected / expected.mean(), rtol=1e-6)


def test_bn_scale():
    model = coupled()
    found = BNScale().scores(scored(model))
    assert list(found) == ["stem"]
    np.testing.assert_allclose(found["stem"], np.abs(weights(model)["norm/gamma"]), rtol=1e-6)


def test_bn_scale_of_a_network_without_any_is_refused_by_name():
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, name="hidden"), layers.Dense(2)], name="plain"
    )
    with pytest.raises(ValueError, match="'plain' there are none on the channels of 'hidden'"):
        BNScale().scores(scored(model))


def samples(count=12, seed=0):
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, 6, 6, 3)).astype("float32")
    return x, random.normal(size=(count, 3)).astype("float32")


def test_taylor_is_the_change_of_the_loss_to_first_order():
    model = coupled()
    model.compile(loss="mse")
    x, y = samples(6)
    data = [(x[:2], y[:2]), (x[2:], y[2:])]
    found = Taylor().scores(scored(model, data))
    # The same by differences: the kernels that read the channel, scaled up and down.
    for name, readers in {
        "stem": [("inner", -2), ("head", 0)],
        "inner": [("branch", -2)],
    }.items():
        expected = np.zeros(len(found[name]))
        for batch_x, batch_y in data:
            for channel in range(len(expected)):
                losses = [
                    _loss_scaled(model, readers, channel, factor, batch_x, batch_y)
                    for factor in (0.999, 1.001)
                ]
                expected[channel] += ((losses[1] - losses[0]) / 0.002) ** 2 / len(data)
        np.testing.assert_allclose(found[name], expected, rtol=2e-2, atol=1e-4)


def _loss_scaled(model, readers, channel, factor, x, y):
    """The loss where what reads a channel of four or five has its rows scaled."""
    before = model.get_weights()
    for name, axis in [*readers, *([("depthwise", None)] if ("head", 0) in readers else [])]:
        layer = model.get_layer(name)
        kernel = ops.convert_to_numpy(layer.kernel).copy()
        if name == "head":
            kernel.reshape(4, 4, 4, 3)[:, :, channel] *= factor
        elif axis is not None:
            kernel[:, :, channel] *= factor
        layer.kernel.assign(kernel)
    value = float(np.mean((ops.convert_to_numpy(model(x)) - y).astype("float64") ** 2))
    model.set_weights(before)
    return value


def test_taylor_equals_weight_times_gradient_by_hand():
    """One hidden layer and squared errors: the gradient on the head's rows is known."""
    hidden = layers.Dense(3, "relu", name="hidden")
    model = with_random_weights(
        keras.Sequential([keras.Input((4,)), hidden, layers.Dense(2, name="head")])
    )
    model.compile(loss="mse")
    random = np.random.default_rng(0)
    x, y = random.normal(size=(5, 4)), random.normal(size=(5, 2))
    w, b = (value.astype("float64") for value in model.layers[0].get_weights())
    v, c = (value.astype("float64") for value in model.layers[1].get_weights())
    h = np.maximum(x @ w + b, 0)
    on_v = h.T @ (2 * (h @ v + c - y) / y.size)
    data = (x.astype("float32"), y.astype("float32"))
    found = Taylor().scores(scored(model, data))["hidden"]
    np.testing.assert_allclose(found, (on_v * v).sum(1) ** 2, rtol=1e-5)


def test_activation_is_the_mean_size_of_what_is_read():
    model = coupled()
    x, _ = samples(6)
    found = Activation().scores(scored(model, [x[:2], x[2:]]))
    read = keras.Model(
        model.input,
        [model.get_layer("inner").input, model.get_layer("head").input],
    )(x)
    sums = np.abs(ops.convert_to_numpy(read[0])).sum((0, 1, 2))
    behind = np.abs(ops.convert_to_numpy(read[1]).reshape(6, 4, 4, 4)).sum((0, 1, 2))
    expected = (sums + behind) / (6 * 36 + 6 * 16)
    np.testing.assert_allclose(found["stem"], expected / expected.mean(), rtol=1e-5)


def test_random_is_drawn_from_its_seed():
    network = scored(coupled())
    first, again, other = (Random(seed).scores(network) for seed in (1, 1, 2))
    assert np.array_equal(first["stem"], again["stem"])
    assert not np.array_equal(first["stem"], other["stem"])


def test_what_is_no_score_is_refused_in_words():
    groups = scored(coupled()).groups
    whole = {group.name: np.ones(group.size) for group in groups}
    with pytest.raises(ValueError, match=r"'stem' with a vector of shape \(4,\).*Received shape"):
        check_scores({**whole, "stem": np.ones(3)}, groups, Random())
    with pytest.raises(ValueError, match="not finite"):
        check_scores({**whole, "stem": np.array([1, np.nan, 1, 1])}, groups, Random())
    with pytest.raises(ValueError, match="not asked for: elsewhere"):
        check_scores({**whole, "elsewhere": np.ones(3)}, groups, Random())
    with pytest.raises(ValueError, match="must return a dict"):
        check_scores([1, 2], groups, Random())
    with pytest.raises(ValueError, match="scored none"):
        check_scores({}, groups, Random())


@pytest.mark.parametrize(
    ("stem", "message"),
    [
        (np.ones(4, "complex64"), r"Received: complex64 entries\. Return them by their size"),
        (np.ones(4, bool), r"Received: bool entries\. Return them as floats if that is meant"),
        (["1", "2", "3", "4"], r"Received: str\d+ entries.*array of floats"),
        (np.array([1, 2, 3, 4], object), r"Received: object entries.*array of floats"),
        (np.array([1, 2, 3, 4], "M8[s]"), r"Received: datetime64\[s\] entries"),
        (None, r"Received: object entries"),
        ([[1], [2, 3]], r"Received: \[\[1\], \[2, 3\]\], which is no array"),
        (
            np.ma.masked_array(np.ones(4), [0, 1, 0, 0]),
            "Received: a masked array.*filled",
        ),
    ],
)
def test_scores_that_are_no_real_numbers_are_refused_in_words(stem, message):
    groups = scored(coupled()).groups
    with pytest.raises(ValueError, match=f"Random must score 'stem' with real numbers.*{message}"):
        check_scores({"stem": stem}, groups, Random())


@pytest.mark.parametrize("dtype", ["int8", "uint64", "float16", "bfloat16", "float32", "float64"])
def test_scores_may_be_whole_numbers_floats_and_tensors(dtype):
    groups = scored(coupled()).groups
    numbers = ops.convert_to_numpy(ops.cast([4, 3, 2, 1], "float32")).astype(
        ops.convert_to_numpy(ops.ones(1, "bfloat16")).dtype if dtype == "bfloat16" else dtype
    )
    for scores in (numbers, numbers.tolist(), ops.convert_to_tensor(numbers.astype("float32"))):
        checked = check_scores({"stem": scores}, groups, Random())["stem"]
        assert checked.dtype == "float64"
        assert checked.tolist() == [4, 3, 2, 1]


def test_scores_of_connections_are_checked_too():
    groups = ChannelGraph(mlp()).connections
    with pytest.raises(ValueError, match=r"matrix of shape \(4, 8\), one entry per connection"):
        check_scores({"hidden/connections": np.ones(4)}, groups, Random())


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(ValueError, match=r"one of .*'group_norm'.*Received: criterion='norm'"):
        get("norm")


def test_batches_of_arrays_and_of_iterables_are_the_same():
    x, y = samples(70)
    of_arrays = list(batches_of((x, y)))
    assert [len(batch[0]) for batch in of_arrays] == [32, 32, 6]
    of_iterable = list(batches_of((x[i : i + 32], y[i : i + 32]) for i in range(0, 70, 32)))
    for one, other in zip(of_arrays, of_iterable, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one[:2], other[:2], strict=True))
    assert [len(batch[0]) for batch in batches_of(x)] == [32, 32, 6]
    with pytest.raises(ValueError, match="no batch"):
        list(batches_of([]))
    with pytest.raises(ValueError, match="as many samples"):
        list(batches_of((x, y[:5])))
