"""Straight-through gates: the value is that of scaled kernels, the gradient that of whole ones."""

import keras
import numpy as np
import pytest
from helpers.gradients import gradient_of
from helpers.toys import crossentropy, data, fit, mlp, switched, values
from keras import layers, ops

from keras_switcher import SwitcherModel
from keras_switcher.gating.gated_network import GatedNetwork
from keras_switcher.graph.edge import scaled
from keras_switcher.layers import Gated
from keras_switcher.switchers import ShuffledInput, Switcher

SHAPES = {
    "vector": ((4, 3), (4,), -2),
    "matrix": ((4, 3), (4, 3), -2),
    "convolution": ((3, 3, 4, 2), (4,), -2),
    "transposed": ((3, 3, 2, 4), (4,), -1),
}


@keras.saving.register_keras_serializable("tests")
class Masks(Switcher):
    """Every other factor is zero, and kernels keep their gradient."""

    straight_through = True

    def call(self, records):
        masks = [np.arange(r.size).reshape(r.shape) % 2 for r in records]
        return [ops.convert_to_tensor(mask, "float32") for mask in masks]


@pytest.mark.parametrize("case", SHAPES)
def test_value_and_gradients_of_a_scaled_kernel(case):
    shape, factors_shape, axis = SHAPES[case]
    random = np.random.default_rng(0)
    kernel, upstream = (random.normal(size=shape).astype("float32") for _ in range(2))
    factors = random.uniform(0, 2, factors_shape).astype("float32")
    factors.flat[0] = 0.0

    def weighted(straight_through):
        def function(given):
            variable = ops.convert_to_tensor(given[0])
            whole = scaled(variable, given[1], axis, straight_through)
            return ops.convert_to_tensor(upstream) * whole

        return function

    found = {how: gradient_of(weighted(how), [kernel, factors]) for how in (False, True)}
    plain, through = (scaled(ops.convert_to_tensor(kernel), factors, axis, h) for h in found)
    np.testing.assert_array_equal(*values([plain, through]))
    np.testing.assert_allclose(values(found[True])[0], upstream, rtol=1e-6)
    # The gradient on the factors is the same: the sum of kernel * g.
    np.testing.assert_allclose(values(found[True])[1], values(found[False])[1], rtol=1e-5)
    along = tuple(i for i in range(len(shape)) if i != axis % len(shape))
    summed = (kernel * upstream).sum(along) if len(factors_shape) == 1 else kernel * upstream
    np.testing.assert_allclose(values(found[True])[1], summed, rtol=1e-5)


@pytest.mark.parametrize("connections", [False, True])
def test_masked_weights_are_trained_as_if_they_were_on(connections):
    """Every weight moves by the gradient on the scaled kernel, that of a network with this one."""
    x, y = data()
    task = mlp()
    model = switched(task, Masks(), connections=connections, alternation="task", rate=1.0)
    factors = model.scaling_factors()
    twin = keras.models.clone_model(task)
    for layer, other in zip(task.layers, twin.layers, strict=True):
        edge = next(e for e in model.gated.edges if e.kernel is layer.kernel)
        other.set_weights([values([edge.scaled_kernel(factors)])[0], layer.bias])

    def loss(variables):
        return crossentropy()(y, twin(x))

    before = values(task.trainable_variables)
    expected = values(gradient_of(loss, twin.trainable_variables))
    fit(model, x, y, batch_size=len(x))
    for old, new, gradient in zip(before, values(task.trainable_variables), expected, strict=True):
        np.testing.assert_allclose(old - new, gradient, atol=1e-6)
    off = factors["head/connections" if connections else "hidden"] == 0
    assert np.abs(expected[2][off]).max() > 0.01


def test_without_it_nothing_is_added_to_the_network():
    network = GatedNetwork(mlp(), "all").network
    gates = [layer for layer in network.layers if isinstance(layer, Gated)]
    assert len(gates) == 2
    assert not any(gate.straight_through for gate in gates)


def test_a_switcher_decides_on_it_also_where_it_is_wrapped():
    for switcher in (Masks(), ShuffledInput(Masks())):
        network = SwitcherModel(mlp(), switcher).gated.network
        gates = [layer for layer in network.layers if isinstance(layer, Gated)]
        assert [gate.straight_through for gate in gates] == [True, True]


def test_config_round_trip():
    gate = Gated(layers.Dense(2), straight_through=True)
    again = Gated.from_config(gate.get_config())
    assert again.get_config() == gate.get_config()
    assert again.straight_through
    old = {n: value for n, value in gate.get_config().items() if n != "straight_through"}
    assert not Gated.from_config(old).straight_through
