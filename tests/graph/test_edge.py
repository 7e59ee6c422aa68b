"""An edge scales its kernel by the factors of what arrives at it, of its inputs and connections."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from keras_switcher.graph.axis import Axis
from keras_switcher.graph.edge import Edge


def edge(own):
    channels = SimpleNamespace(name="channels", size=2)
    group = SimpleNamespace(name="own", size=4) if own else None
    return Edge(Axis([channels], [0, 1, 0, 1]), None, None, 0, -1, group)


def test_edge_multiplies_the_channels_with_its_input_group():
    vectors = {"channels": np.array([2.0, 3.0]), "own": np.array([1.0, 0.0, 5.0, 7.0])}
    np.testing.assert_array_equal(edge(True).gather(vectors, np), [2, 0, 10, 21])
    np.testing.assert_array_equal(edge(True).gather_channels(vectors, np), [2, 3, 2, 3])
    np.testing.assert_array_equal(edge(False).gather(vectors, np), [2, 3, 2, 3])
    own = {"own": vectors["own"]}
    np.testing.assert_array_equal(edge(True).gather(own, np), own["own"])
    assert edge(False).gather(own, np) is None


@pytest.mark.parametrize("kernel_axis", [0, 1])
def test_scaled_kernel_is_the_kernel_times_a_factor_per_input(kernel_axis):
    weights = np.arange(8.0).reshape((4, 2) if kernel_axis == 0 else (2, 4))
    channels = SimpleNamespace(name="channels", size=2)
    read = Edge(Axis([channels], [0, 1, 0, 1]), None, keras.Variable(weights), kernel_axis, -1)
    along = [2, 3, 2, 3] if kernel_axis else [[2], [3], [2], [3]]
    factors = {"channels": np.array([2.0, 3.0])}
    np.testing.assert_array_equal(read.scaled_kernel(factors), weights * along)
    np.testing.assert_array_equal(read.scaled_kernel({"other": factors["channels"]}), weights)


def test_scaled_kernel_has_the_factors_of_its_connections():
    matrix = np.array([[1.0, 0], [2, 1], [0, 1], [1, 3]])
    read = Edge(Axis([], [0] * 4), None, keras.Variable(np.ones((4, 2))), 0, -1)
    read.connections = SimpleNamespace(name="head/connections", shape=(4, 2))
    np.testing.assert_array_equal(read.scaled_kernel({"head/connections": matrix}), matrix)
