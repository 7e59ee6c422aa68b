"""SwitcherModel around a task network: what is shared, what is left alone, what comes out."""

import keras
import numpy as np
import pytest
from helpers.toys import (
    convnet,
    crossentropy,
    data,
    fit,
    furthest,
    mlp,
    randomize,
    same,
    switched,
    values,
)
from keras import layers, ops

from keras_switcher import SwitcherModel, channel_groups
from keras_switcher.switchers import FreeFactors, RowSwitcher, Switcher


def functional():
    inputs = keras.Input((4,), name="x")
    outputs = layers.Dense(3, name="head")(layers.Dense(8, "relu", name="hidden")(inputs))
    return keras.Model(inputs, outputs, name="mine")


@pytest.mark.parametrize("make_task", [functional, mlp])
def test_wrapping_leaves_the_task_as_it_was(make_task):
    x, y = data()
    task = make_task()
    task.compile(keras.optimizers.Adam(0.01), crossentropy(), metrics=["accuracy"])
    task.fit(x, y, verbose=0)
    optimizer, train_function = task.optimizer, task.train_function
    config, outputs, slots = (
        task.get_config(),
        task.predict(x, verbose=0),
        values(optimizer.variables),
    )
    tensors = [id(layer.output) for layer in task.layers]
    nodes = [len(layer._inbound_nodes) for layer in task.layers]
    model = SwitcherModel(task)
    model(x)
    assert task.get_config() == config
    assert [id(layer.output) for layer in task.layers] == tensors
    assert [len(layer._inbound_nodes) for layer in task.layers] == nodes
    assert task.optimizer is optimizer
    assert task.train_function is train_function
    assert same(slots, optimizer.variables)
    np.testing.assert_array_equal(task.predict(x, verbose=0), outputs)
    assert [v.trainable for v in task.weights] == [True] * 4
    task.fit(x, y, verbose=0)
    assert np.abs(task.predict(x, verbose=0) - outputs).max() > 1e-4


def test_variables_are_shared_not_copied():
    x, _ = data()
    model = switched()
    task = model.task
    ids = {id(v) for v in model.trainable_variables}
    assert {id(v) for v in task.trainable_variables} < ids
    assert len(ids) == len(model.trainable_variables)
    before = task.predict(x, verbose=0)
    fit(model)
    assert np.abs(task.predict(x, verbose=0) - before).max() > 1e-3
    outputs = values([model(x)])[0]
    task.layers[0].kernel.assign(task.layers[0].kernel * 2)
    assert np.abs(values([model(x)])[0] - outputs).max() > 1e-3


@pytest.mark.parametrize(("make_task", "shape"), [(mlp, (4,)), (convnet, (8, 8, 1))])
def test_with_factors_of_one_it_is_the_task_network(make_task, shape):
    x, _ = data(8, shape)
    task = make_task()
    model = SwitcherModel(task, RowSwitcher(start="one"))
    np.testing.assert_allclose(model(x), task(x), rtol=1e-5, atol=1e-6)
    small = model.compact()
    assert small.count_params() == task.count_params()
    np.testing.assert_allclose(small(x), task(x), rtol=1e-5, atol=1e-6)
    assert same(small.weights, task.weights), "a plain copy, before anything is switched off"
    start = values(task.weights)
    small.compile(keras.optimizers.SGD(0.5), crossentropy())
    small.fit(x, data(8)[1], verbose=0)
    assert same(start, task.weights), "and training it leaves the task network alone"


def test_factors_scale_what_channels_contribute():
    """Equation 2, written out for 4-8-3."""
    x, _ = data()
    model = SwitcherModel(mlp(), FreeFactors("half_zeros", seed=2))
    randomize(model.task.weights)
    g = model.scaling_factors()
    first, first_bias, second, second_bias = values(model.task.weights)
    hidden = np.maximum((x * g["hidden/inputs"]) @ first + first_bias, 0)
    expected = (hidden * g["hidden"]) @ second + second_bias
    np.testing.assert_allclose(model(x), expected, rtol=1e-4, atol=1e-5)
    assert (g["hidden"] == 0).any()


def test_scaling_factors_are_those_of_inference():
    x, _ = data()
    model = switched()
    fit(model)
    factors = model.scaling_factors()
    assert {f.dtype.name for f in factors.values()} == {"float32"}
    assert {name: len(f) for name, f in factors.items()} == {"hidden": 8, "hidden/inputs": 4}
    tensors = {name: ops.convert_to_tensor(factor) for name, factor in factors.items()}
    np.testing.assert_allclose(model.gated.run(x, tensors), model.predict(x, verbose=0), atol=1e-6)


def test_a_switcher_of_ones_own():
    class MeanMagnitude(Switcher):
        def call(self, records):
            return [ops.mean(ops.abs(r.consumers[0].rows()), axis=1) for r in records]

    model = SwitcherModel(mlp(), MeanMagnitude())
    expected = np.abs(values([model.task.layers[1].kernel])[0]).mean(1)
    np.testing.assert_allclose(model.scaling_factors()["hidden"], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ("all", ["first", "second", "hidden", "hidden/inputs"]),
        ("dense", ["hidden", "hidden/inputs"]),
        ("conv", ["first", "second"]),
        (["second", "hidden/inputs"], ["second", "hidden/inputs"]),
        (lambda group: group.size == 8, ["hidden"]),
    ],
)
def test_groups_that_get_factors(groups, expected):
    model = SwitcherModel(convnet(), FreeFactors(), groups=groups)
    assert list(model.scaling_factors()) == expected
    names = {group.name for group in channel_groups(model.task)}
    assert set(expected) <= names


def test_default_switcher_optimizer_is_one_like_the_tasks():
    model = SwitcherModel(mlp())
    model.compile(keras.optimizers.SGD(0.02, momentum=0.5), crossentropy())
    first, second = model.optimizer, model.switcher_optimizer
    assert first is not second
    assert first.get_config() == second.get_config()
    assert furthest([first.learning_rate], [second.learning_rate]) == 0


def test_early_compaction_is_exact_too():
    x, _ = data()
    model = switched(switcher=RowSwitcher(start="half_zeros"))
    fit(model)
    small = model.compact()
    assert small.count_params() < model.task.count_params()
    np.testing.assert_allclose(small(x), model(x), rtol=1e-4, atol=1e-5)
    assert type(small) in (keras.Sequential, type(functional()))
    assert not [layer for layer in small.layers if "keras_switcher" in type(layer).__module__]
