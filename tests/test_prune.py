"""prune: a smaller network, exact and within its budget, by any criterion."""

import keras
import numpy as np
import pytest
from helpers.checks import copy_of, draw_inputs, with_random_weights
from helpers.networks import densely_connected, two_heads
from helpers.toys import convnet, crossentropy, data, mlp
from keras import layers, ops

import keras_switcher as ks

CRITERIA = ("group_norm", "group_norm_l1", "bn_scale", "taylor", "activation", "random")


def _compiled(model):
    model.compile("sgd", crossentropy())
    return model


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("allocation", ["global", "uniform"])
def test_is_exact_and_within_the_budget(criterion, allocation):
    model = _compiled(with_random_weights(convnet()))
    before = [w.copy() for w in model.get_weights()]
    budget = ks.Budget(0.5, of="macs")
    small = ks.prune(model, budget, criterion, allocation, data(shape=(8, 8, 1)))
    assert ks.count_macs(small).total <= 0.5 * ks.count_macs(model).total
    kept = {layer.name: _kept_of(layer, model.get_layer(layer.name)) for layer in small.layers[1:]}
    by_masks = ks.prune_channels(model, {name: m for name, m in kept.items() if m is not None})
    x = draw_inputs(model)
    np.testing.assert_allclose(small(x), by_masks(x), rtol=1e-5, atol=1e-6)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def _kept_of(layer, old):
    """Which channels of a convolution or a hidden Dense layer are left, by their biases."""
    if layer.name not in ("first", "second", "hidden"):
        return None
    left = ops.convert_to_numpy(layer.bias)
    return np.isin(ops.convert_to_numpy(old.bias), left)


@pytest.mark.parametrize("make", [two_heads, densely_connected])
def test_any_graph(make):
    model = with_random_weights(make())
    small = ks.prune(model, ks.Budget(0.4))
    total = sum(kernel.cost("weights") for kernel in _kernels(model))
    assert sum(kernel.cost("weights") for kernel in _kernels(small)) <= 0.4 * total


def _kernels(model):
    from keras_switcher.graph.channel_graph import ChannelGraph

    return ChannelGraph(model).kernels


def test_a_compact_network_is_pruned_again():
    model = with_random_weights(convnet())
    once = ks.prune(model, ks.Budget(0.6))
    twice = ks.prune(once, ks.Budget(0.5))
    assert ks.count_parameters(twice).total < ks.count_parameters(once).total


def test_its_own_criterion_is_asked():
    class KeepFirst(ks.criteria.Criterion):
        def scores(self, network):
            return {group.name: -np.arange(group.size) for group in network.groups}

    model = with_random_weights(mlp())
    small = ks.prune(model, ks.Budget(0.5), KeepFirst())
    expected = ks.prune_channels(model, {"hidden": np.arange(8) < small.get_layer("hidden").units})
    for one, other in zip(small.get_weights(), expected.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_chosen_groups_alone_lose_channels():
    model = with_random_weights(convnet())
    small = ks.prune(model, ks.Budget(0.8), groups=["hidden"])
    assert small.get_layer("first").filters == 4
    assert small.get_layer("second").filters == 6
    assert small.get_layer("hidden").units < 8


def test_round_to():
    network = [keras.Input((16,)), layers.Dense(64, name="a"), layers.Dense(64, name="b")]
    model = keras.Sequential([*network, layers.Dense(4)])
    small = ks.prune(model, ks.Budget(0.5), round_to=8)
    assert small.get_layer("a").units % 8 == small.get_layer("b").units % 8 == 0


@pytest.mark.parametrize("keep", [0.5, 0.55, 0.6, 0.65])
def test_round_to_of_groups_that_are_no_multiples(keep):
    network = [keras.Input((12,)), layers.Dense(9, name="a"), layers.Dense(11, name="b")]
    model = with_random_weights(keras.Sequential([*network, layers.Dense(3)]))
    small = ks.prune(model, ks.Budget(keep), round_to=4)
    assert small.get_layer("a").units in (4, 8, 9)
    assert small.get_layer("b").units in (4, 8, 11)


@pytest.mark.parametrize("keep", [0.35, 0.38, 0.4, 0.42])
def test_what_a_layer_needs_beside_stays_on(keep):
    """Keras adds a bias along the wrong axis where channels are as many as columns."""
    inputs = x = keras.Input((3, 8, 8))
    for name in "abc":
        x = layers.Conv2D(16, 3, padding="same", data_format="channels_first", name=name)(x)
    model = with_random_weights(keras.Model(inputs, x))
    small = ks.prune(model, ks.Budget(keep))
    assert not any((np.abs(w) < 1e-9).all(axis=(0, 1, 3)).any() for w in _kernels_of(small))
    assert ks.count_macs(small).total <= keep * ks.count_macs(model).total


def _kernels_of(model):
    return [ops.convert_to_numpy(layer.kernel) for layer in model.layers[1:]]


def test_several_inputs_are_a_dict_or_a_list():
    named = {name: keras.Input((4,), name=name) for name in ("one", "other")}
    hidden = [layers.Dense(6, "relu")(x) for x in named.values()]
    outputs = layers.Dense(2)(layers.Concatenate()(hidden))
    x = {name: np.random.default_rng(0).normal(size=(8, 4)) for name in named}
    model = keras.Model(named, outputs)
    one, other = (ks.prune(model, ks.Budget(0.5), "activation", data=data) for data in (x, (x,)))
    assert all(map(np.array_equal, one.get_weights(), other.get_weights()))
    model = keras.Model(list(named.values()), outputs)
    ks.prune(model, ks.Budget(0.5), "activation", data=(list(x.values()),))
    with pytest.raises(
        ValueError, match=r"has samples of shapes \[\(8, 4\)\].*inputs are of shapes"
    ):
        ks.prune(model, ks.Budget(0.5), "activation", data=list(x.values()))


@pytest.mark.parametrize("criterion", ["activation", "taylor"])
def test_data_are_cast_and_must_have_the_sizes_of_inputs(criterion):
    model = _compiled(convnet())
    x, y = data(shape=model.input_shape[1:])
    whole = np.round(10 * np.abs(x))
    budget = ks.Budget(0.5)
    one, other = (
        ks.prune(model, budget, criterion, data=(whole.astype(dtype), y))
        for dtype in ("uint8", "float32")
    )
    assert all(map(np.array_equal, one.get_weights(), other.get_weights()))
    with pytest.raises(ValueError, match=r"has samples of shapes.*inputs are of shapes"):
        ks.prune(model, budget, criterion, data=(x[:, ::2], y))


def test_the_same_from_a_copy():
    model = with_random_weights(convnet())
    one, other = (ks.prune(m, ks.Budget(0.5)) for m in (model, copy_of(model)))
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        assert np.array_equal(a, b)


def _open_size():
    inputs = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, name="first")(inputs)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, name="second")(x))
    return keras.Model(inputs, layers.Dense(2)(x))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"budget": 0.5}, r"`budget` must be a keras_switcher.Budget.*Received: budget=0\.5"),
        ({"allocation": "local"}, "`allocation` must be one of.*Received: allocation='local'"),
        ({"allocation": {"head": 0.5}}, "'head' in `allocation` cannot be pruned: its channels"),
        ({"allocation": {"hidden": 2}}, r"allocation\['hidden'\] must be a share.*Received: 2"),
        ({"allocation": {"nowhere": 0.5}}, "names no channel group"),
        ({"floor": 1}, "`floor` must be a share from 0 to below 1. Received: floor=1"),
        ({"round_to": 0}, "`round_to` must be a positive integer. Received: 0"),
        ({"criterion": "taylor"}, "looks at .* at work: pass `data`"),
        ({"criterion": "activation"}, "looks at .* at work: pass `data`"),
        ({"criterion": "taylor", "data": data()}, "Gradients need a loss: compile"),
        ({"criterion": "bn_scale"}, "there are none on the channels of 'hidden'"),
        ({"budget": ks.Budget(0.1)}, r"cannot be met.*remain"),
        ({"groups": ["hidden/inputs"]}, "chooses no channels of .* inputs of the network always"),
        ({"criterion": "activation", "data": 5}, "`data` must be arrays.*Received: data=int"),
        ({"criterion": "activation", "data": "x"}, "`data` must be arrays.*Received: data=str"),
        ({"verify": 1}, "verify"),
    ],
)
def test_bad_input_is_refused_in_words(arguments, message):
    with pytest.raises(ValueError, match=message):
        ks.prune(mlp(), **{"budget": ks.Budget(0.5), **arguments})


def test_nothing_can_be_pruned():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2, name="head")])
    with pytest.raises(
        ValueError, match=r"(?s)Nothing of .* can be pruned.*head: its channels are the model's out"
    ):
        ks.prune(model, ks.Budget(0.5))


@pytest.mark.parametrize("criterion", ["taylor", "activation"])
def test_data_that_are_not_finite(criterion):
    x, y = data()
    x = np.where(np.arange(len(x))[:, None] == 0, np.nan, x)
    with pytest.raises(ValueError, match=r"are not finite.*look for NaN"):
        ks.prune(_compiled(mlp()), ks.Budget(0.5), criterion, data=(x, y))


def test_labels_are_missed():
    model = _compiled(mlp())
    with pytest.raises(ValueError, match="need labels"):
        ks.prune(model, ks.Budget(0.5), "taylor", data=data()[0])


def test_macs_that_are_not_known():
    model = with_random_weights(_open_size())
    with pytest.raises(ValueError, match="does not know those of 'first'"):
        ks.prune(model, ks.Budget(0.5, of="macs"))
    small = ks.prune(model, ks.Budget(0.5, of="weights"))
    assert small.get_layer("first").filters < 4


def _a_single_unit():
    return [layers.Dense(1, name="only"), layers.Dense(2, name="head")]


@pytest.mark.parametrize(
    ("parts", "arguments", "said"),
    [
        (
            _a_single_unit,
            {},
            r"only: it has a single channel, which stays\n  head: its channels are",
        ),
        (lambda: [layers.Dense(2, name="head")], {}, "head: its channels are the model's output"),
        (
            lambda: [layers.Reshape((2, 2)), layers.LSTM(3), layers.Dense(2, name="head")],
            {},
            r"head: its channels are.*\n.* weights are in layers that no rule reaches: 'lstm",
        ),
        (
            lambda: [layers.Dense(3, name="hidden"), layers.Dense(2, name="head")],
            {"floor": 0.99},
            r"Lower floor=0\.99\. Why not:\n  hidden: keeps all of its 3 channels",
        ),
    ],
)
def test_a_network_of_which_nothing_can_be_pruned_is_told_why(parts, arguments, said):
    model = keras.Sequential([keras.Input((4,)), *parts()], name="stiff")
    with pytest.raises(
        ValueError, match=f"(?i)nothing of 'stiff' can be pruned(.|\n)*{said}"
    ) as error:
        ks.prune(model, ks.Budget(0.5), **arguments)
    assert "Ask for" not in str(error.value)


def test_of_many_reasons_the_first_are_told():
    x = inputs = keras.Input((4,))
    outputs = []
    for number in range(30):
        x = layers.Dense(3, name=f"dense{number}")(x)
        outputs.append(x)
    with pytest.raises(ValueError, match=r"dense9: its .*\n  and 20 more: see channel_groups"):
        ks.prune(keras.Model(inputs, outputs), ks.Budget(0.5))


def test_a_switcher_that_can_prune_nothing_is_told_so():
    task = keras.Sequential([keras.Input((4,)), *_a_single_unit()])
    with pytest.raises(ValueError, match="Nothing of the weights can be pruned") as error:
        ks.SwitcherModel(task, groups=["only"], budget=ks.Budget(0.5))
    assert "Ask for" not in str(error.value)
    assert "Choose more groups: 'only/inputs'" in str(error.value)
