"""Slimming and D-Gating: their penalties, and one update of each, in closed form."""

import keras
import numpy as np
import pytest
from helpers.gradients import gradient_of
from helpers.toys import convnet, crossentropy, data, fit, mlp, randomize, switched, values
from keras import ops

from keras_switcher import SwitcherModel
from keras_switcher.switchers import DGating, Slimming


def gradient_on_factors(model, x, y):
    """The gradient of the task's loss on all factors, one after the other."""
    names = list(model.factors())

    def loss(given):
        factors = dict(zip(names, given, strict=True))
        return crossentropy()(y, model.gated.run(ops.convert_to_tensor(x), factors))

    return np.concatenate(values(gradient_of(loss, values(model.factors().values()))))


def test_an_update_of_scales_is_a_proximal_step():
    """`max(0, g - rate * (gradient + strength))`: exact zeros, from which scales come back."""
    x, y = data()
    rate, strength = 0.5, 1.0
    model = switched(mlp(), Slimming(strength), alternation="switcher", rate=rate)
    start = np.random.default_rng(0).uniform(0.3, 0.8, 12).astype("float32")
    model.switcher.scales.assign(start)
    for _ in range(2):
        before = values([model.switcher.scales])[0]
        gradient = gradient_on_factors(model, x, y)
        loss = float(ops.convert_to_numpy(crossentropy()(y, model(x))))
        history = fit(model, x, y, batch_size=len(x))
        after = values([model.switcher.scales])[0]
        expected = np.maximum(0, before - rate * (gradient + strength))
        np.testing.assert_allclose(after, expected, atol=1e-6)
        assert history["loss"][0] == pytest.approx(loss + strength * before.sum(), rel=1e-5)
    assert (after == 0).any()
    found = np.concatenate(list(model.scaling_factors().values()))
    np.testing.assert_array_equal(found, after)
    model.switcher.strength = -9.0
    model.make_train_function(force=True)
    fit(model, x, y, batch_size=len(x))
    assert (values([model.switcher.scales])[0][after == 0] > 0).all(), "zero is not for ever"


# By network: its kernels that factors scale; all but the first of the convolutions.
SCALED = {mlp: ["hidden", "head"], convnet: ["second", "hidden", "head"]}


def of_all(network):
    return SwitcherModel(network(), DGating(depth=4, strength=0.3))


@pytest.mark.parametrize("network", SCALED)
def test_penalty_counts_gates_and_each_scaled_weight_once(network):
    model = of_all(network)
    randomize([*model.task.variables, model.switcher.gates])
    model.raw_factors(training=True)
    (found,) = values(model.switcher.losses)
    kernels = [model.task.get_layer(name).kernel for name in SCALED[network]]
    expected = sum(np.square(v).sum() for v in values([*kernels, model.switcher.gates]))
    assert found == pytest.approx(0.3 * expected, rel=1e-5)


def test_penalty_of_a_part_of_a_kernel():
    """Two groups that are concatenated, one of which has factors: half of the kernel counts."""
    inputs = keras.Input((3,))
    parts = [keras.layers.Dense(2, name=name)(inputs) for name in ("one", "two")]
    head = keras.layers.Dense(4, name="head")
    task = keras.Model(inputs, head(keras.layers.Concatenate()(parts)))
    model = SwitcherModel(task, DGating(strength=1.0), groups=["two"])
    model.raw_factors(training=True)
    (found,) = values(model.switcher.losses)
    assert found == pytest.approx(np.square(values([head.kernel])[0][2:]).sum() + 4, rel=1e-5)


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_penalty_of_balanced_gates_is_the_group_penalty(depth):
    """`strength * D * norm(v)^(2 / D)` for each group v, and no more balanced one is smaller."""
    model = SwitcherModel(mlp(), DGating(depth, strength=0.3), groups=["hidden"])
    v = np.random.default_rng(0).normal(size=(8, 3))  # The scaled kernel.
    norms = np.linalg.norm(v, axis=1)

    def penalty(gates):
        gates = gates * np.ones((depth - 1, 8))
        model.switcher.gates.assign(gates)
        model.task.get_layer("head").kernel.assign(v / gates.prod(0)[:, None])
        model.raw_factors(training=True)
        return float(values(model.switcher.losses)[0])

    least = penalty(norms ** (1 / depth))
    assert least == pytest.approx(0.3 * depth * np.sum(norms ** (2 / depth)), rel=1e-5)
    for change in (0.9, 1.1):
        assert penalty(change * norms ** (1 / depth)) > least


def test_small_products_act_as_zero_and_keep_their_gradient():
    model = SwitcherModel(mlp(), DGating(depth=3, threshold=0.01), groups=["hidden"])
    gates = np.array([[0.2, 0.05, -0.5, 1, 1, 1, 1, 1], [0.04, 0.3, 0.5, 1, 1, 1, 1, 1]], "float32")
    model.switcher.gates.assign(gates)
    np.testing.assert_allclose(
        model.scaling_factors()["hidden"], [0, 0.015, 0.25, 1, 1, 1, 1, 1], rtol=1e-6
    )
    gradient = gradient_of(lambda _: model.factors()["hidden"], model.switcher.gates)
    expected = gates[::-1] * np.sign(gates.prod(0))
    np.testing.assert_allclose(values([gradient])[0], expected, rtol=1e-6)


@pytest.mark.parametrize("alternation", ["joint", "batch"])
def test_an_update_decays_gates_and_weights(alternation):
    """Each by the gradient of the task's loss and of the penalty, 2 * strength * itself."""
    x, y = data()
    model = switched(mlp(), DGating(2, strength=0.1), alternation=alternation, rate=0.5)
    kernel, gates = model.task.get_layer("head").kernel, model.switcher.gates
    if alternation == "batch":
        model.switcher_optimizer.learning_rate = 0.0  # So that one gradient is enough.
    before = values([kernel, gates])

    def loss(given):
        return crossentropy()(y, model(x))

    of_kernel, of_gates = values(gradient_of(loss, [kernel, gates]))
    fit(model, x, y, batch_size=len(x))
    after = values([kernel, gates])
    np.testing.assert_allclose(after[0], before[0] - 0.5 * (of_kernel + 0.2 * before[0]), atol=1e-6)
    moved = 0.0 if alternation == "batch" else 0.5 * (of_gates + 0.2 * before[1])
    np.testing.assert_allclose(after[1], before[1] - moved, atol=1e-6)
