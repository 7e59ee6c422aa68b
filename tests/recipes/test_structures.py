"""Structures of the controls: as many channels, chosen as they say."""

import json

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import keras_switcher as ks
from recipes.networks.paper import lenet5, mlp
from recipes.networks.residual import inverted_residual, residual
from recipes.trials.encoding import (
    decode_counts,
    decode_structure,
    encode_counts,
    encode_structure,
)
from recipes.trials.structures import (
    filled_structure,
    magnitude_structure,
    random_structure,
    uniform_structure,
    varied_structure,
)

masks = st.lists(st.booleans(), min_size=1, max_size=20).map(np.array)
structures = st.dictionaries(st.sampled_from(["a", "b/inputs", "c:d"]), masks, min_size=1)


def through_json(decode, encoded):
    return decode(json.loads(json.dumps(encoded)))


def equal(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


@given(structures)
def test_a_row_brings_a_structure_back(keep):
    assert equal(through_json(decode_structure, encode_structure(keep)), keep)


def test_a_row_brings_back_how_many_connections_are_kept():
    keep = {"a/connections": np.eye(4, 3, dtype=bool), "b": np.array([True, False])}
    back = through_json(decode_structure, encode_structure(keep))
    assert back["a/connections"].shape == (4, 3)
    assert back["a/connections"].sum() == 3
    np.testing.assert_array_equal(back["b"], keep["b"])


def test_magnitude_structure_of_connections_keeps_the_largest_weights():
    network = mlp((20, 40, 10, 3))
    keep = {"hidden_2/connections": np.arange(400).reshape(40, 10) < 50}
    chosen = magnitude_structure(network, keep)["hidden_2/connections"]
    sizes = np.abs(network.get_layer("hidden_2").kernel)
    assert chosen.sum() == 50
    assert sizes[chosen].min() > sizes[~chosen].max()


def test_random_structure_of_connections_has_the_same_density():
    keep = {"hidden_2/connections": np.arange(400).reshape(40, 10) < 7}
    drawn = random_structure(mlp((20, 40, 10, 3)), keep, seed=0)["hidden_2/connections"]
    assert drawn.shape == (40, 10)
    assert drawn.sum() == 7
    assert not np.array_equal(drawn, keep["hidden_2/connections"])


def test_a_row_brings_the_counts_of_all_epochs_back():
    first = {"total": 5, "kept": 4, "strengthened": 1, "weakened": 3, "pruned": 1}
    second = {"total": 5, "kept": 2, "strengthened": 2, "weakened": 0, "pruned": 3}
    epochs = [{"a": first, "b/inputs": second}, {"a": second, "b/inputs": first}]
    assert through_json(decode_counts, encode_counts(epochs)) == epochs


def test_inputs_that_vary_most_are_kept_and_units_at_random():
    x = np.random.default_rng(0).normal(size=(50, 20)) * np.arange(20)
    keep = {"hidden_1": np.arange(12) < 5, "hidden_1/inputs": np.arange(20) < 7}
    network = mlp((20, 12, 3))
    chosen = varied_structure(network, keep, x, seed=0)
    best = np.argsort(x.std(axis=0))[-7:]
    assert set(np.flatnonzero(chosen["hidden_1/inputs"])) == set(best)
    random = random_structure(network, keep, 0)
    np.testing.assert_array_equal(chosen["hidden_1"], random["hidden_1"])


def test_connections_are_drawn_in_proportion_to_how_much_inputs_vary():
    x = np.array([[-1.0, -3.0, 0.0], [1.0, 3.0, 0.0]])
    keep = {
        "hidden_1/connections": np.arange(3 * 4000).reshape(3, 4000) < 400,
        "head/connections": np.arange(8000).reshape(4000, 2) < 9,
    }
    drawn = varied_structure(mlp((3, 4000, 2)), keep, x, seed=0)
    assert {name: mask.sum() for name, mask in drawn.items()} == {
        "hidden_1/connections": 400,
        "head/connections": 9,
    }
    once, thrice, never = drawn["hidden_1/connections"].sum(axis=1)
    assert never == 0
    assert 70 < once < 130
    assert once + thrice == 400


@given(st.integers(1, 20), st.integers(1, 12), st.integers(0, 9))
def test_random_structure_has_the_same_sizes_and_follows_its_seed(inputs, units, seed):
    network = mlp((20, 12, 3))
    keep = {"hidden_1": np.arange(12) < units, "hidden_1/inputs": np.arange(20) < inputs}
    drawn = random_structure(network, keep, seed)
    assert {name: (mask.size, mask.sum()) for name, mask in drawn.items()} == {
        "hidden_1": (12, units),
        "hidden_1/inputs": (20, inputs),
    }
    assert equal(drawn, random_structure(network, keep, seed))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("channels", [1, 7, 50])
def test_positions_are_chosen_within_the_channels_that_are(channels, seed):
    """LeNet5: what is chosen is what is left, and no channel goes for want of a position."""
    keras.utils.set_random_seed(seed)
    network = lenet5()
    keep = {
        "conv_2": np.arange(50) < channels,
        "hidden/inputs": np.arange(800) < channels + 3,
        "hidden": np.arange(500) < 20,
    }
    for chosen in (random_structure(network, keep, seed), magnitude_structure(network, keep)):
        assert {name: mask.sum() for name, mask in chosen.items()} == {
            "conv_2": channels,
            "hidden/inputs": channels + 3,
            "hidden": 20,
        }
        small = ks.prune_channels(network, chosen)
        assert small.get_layer("conv_2").filters == channels
        assert small.get_layer("hidden").kernel.shape == (channels + 3, 20)


def test_uniform_structure_is_the_widest_that_fits():
    network = mlp((20, 40, 10, 3))
    for macs in (150, 500, 1000):
        keep = uniform_structure(network, macs, seed=0)
        widths = {name: int(mask.sum()) for name, mask in keep.items()}
        share = widths["hidden_1"] / 40
        assert abs(widths["hidden_2"] - 10 * share) <= 0.5 + 1e-9
        cost = ks.count_macs(ks.prune_channels(network, keep)).total
        assert (
            cost
            == 20 * widths["hidden_1"] + np.prod(list(widths.values())) + 3 * widths["hidden_2"]
        )
        # The next larger share has one more unit of the wide layer.
        assert cost <= macs < cost + 20 + 2 * widths["hidden_2"] + 43


@pytest.mark.parametrize("make", [residual, inverted_residual])
def test_filled_up_structures_come_closer_to_what_they_may_cost(make):
    network = make()
    macs = 0.25 * ks.count_macs(network).total
    uniform = uniform_structure(network, macs, seed=0)
    filled = filled_structure(network, uniform, macs, seed=0)
    costs = [ks.count_macs(ks.prune_channels(network, k)).total for k in (uniform, filled)]
    assert costs[0] < costs[1] <= macs
    more = {name: filled[name].sum() - uniform[name].sum() for name in uniform}
    assert set(more.values()) == {0, 1}
    for name, count in more.items():
        assert (filled[name] >= uniform[name]).all()
        wider = {**filled, name: filled[name] | (np.cumsum(~filled[name]) == 1)}
        assert count or ks.count_macs(ks.prune_channels(network, wider)).total > macs


def test_magnitude_structure_keeps_the_largest_products_of_norms():
    network = mlp((3, 4, 2))
    first, head = network.layers
    first.kernel.assign(np.array([[1, 0, 3, 1], [2, 1, 0, 1], [0, 1, 0, 1]], "float32"))
    head.kernel.assign(np.array([[1, 0], [9, 0], [1, 0], [0, 2]], "float32"))
    # hidden: sqrt 5 * 1, sqrt 2 * 9, 3 * 1, sqrt 3 * 2; inputs: sqrt 11, sqrt 6, sqrt 2.
    sizes = {"hidden_1": np.array([1, 1, 0, 0], bool), "hidden_1/inputs": np.array([1, 0, 0], bool)}
    keep = magnitude_structure(network, sizes)
    assert keep["hidden_1"].tolist() == [False, True, False, True]
    assert keep["hidden_1/inputs"].tolist() == [True, False, False]


def test_magnitude_does_not_change_when_a_relu_network_is_rescaled():
    keras.utils.set_random_seed(0)
    network = mlp((6, 8, 4))
    sizes = {"hidden_1": np.arange(8) < 3}
    before = magnitude_structure(network, sizes)
    scale = np.linspace(0.1, 10, 8, dtype="float32")
    first, head = network.layers
    first.kernel.assign(first.kernel * scale)
    head.kernel.assign(head.kernel / scale[:, None])
    assert equal(magnitude_structure(network, sizes), before)
