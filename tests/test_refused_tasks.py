"""What a switcher model cannot train with is refused in words, at the latest in the first step."""

import importlib
import re
import sys
import types

import keras
import numpy as np
import pytest
from helpers.toys import crossentropy, data, fit, float64, mlp, same, switched, values
from keras import layers

from keras_switcher import SwitcherModel, channel_groups, prune_channels
from keras_switcher.training import backends
from keras_switcher.training.supported import STEPS, check_precision


def as_model(kind):
    """The MLP of the toys as a Functional model of a class of its own."""
    plain = mlp()
    return kind(plain.inputs[0], plain.outputs[0], name="own")


def stacked():
    """The layers of a Sequential model."""
    return [keras.Input((4,)), layers.Dense(8, "relu"), layers.Dense(3)]


def overriding(name, base=keras.Model):
    """A class that overrides a method, and does nothing else."""

    def own(self, *args, **kwargs):
        return getattr(super(kind, self), name)(*args, **kwargs)

    kind = type("Own", (base,), {name: own})
    return kind


@pytest.mark.parametrize("name", [name for name in STEPS if name != "call"])
def test_a_method_that_the_class_overrides_is_named(name):
    task = as_model(overriding(name))
    with pytest.raises(ValueError, match=rf"{name}\(\).*keras\.Model\("):
        SwitcherModel(task)


def test_a_call_that_the_class_overrides_is_not_ignored():
    class Doubling(keras.Model):
        def call(self, inputs, training=None, mask=None):
            return 2 * super().call(inputs, training, mask)

    task, x = as_model(Doubling), data()[0][:3]
    (group, *_) = (group for group in channel_groups(task) if group.prunable)
    whole = prune_channels(task, {group.name: np.ones(group.size, bool)})
    np.testing.assert_allclose(values(whole(x)), values(task(x)), rtol=1e-5)
    model = SwitcherModel(task)
    np.testing.assert_allclose(values(model.compact()(x)), values(model(x)), rtol=1e-5)


@pytest.mark.parametrize("name", STEPS)
def test_a_method_that_was_set_on_the_network_is_named(name):
    task = mlp()
    setattr(task, name, lambda *args, **kwargs: None)
    with pytest.raises(ValueError, match=rf"its own {name}\(\).*subclass SwitcherModel"):
        SwitcherModel(task)


def test_all_methods_are_named_and_also_those_of_a_parent():
    class Parent(keras.Sequential):
        def train_step(self, data):
            return super().train_step(data)

        def compute_loss(self, *args, **kwargs):
            return super().compute_loss(*args, **kwargs)

    class Child(Parent):
        pass

    with pytest.raises(ValueError, match=r"'child' \(of type Child\) has its own train_step\(\) "):
        SwitcherModel(Child(stacked(), name="child"))
    with pytest.raises(ValueError, match=r"and compute_loss\(\)"):
        SwitcherModel(Child(stacked()))


@pytest.mark.parametrize("base", [keras.Model, keras.Sequential])
def test_what_the_message_proposes_works(base):
    kind = overriding("train_step", base)
    task = as_model(kind) if base is keras.Model else kind(stacked())
    with pytest.raises(ValueError, match="train_step") as error:
        SwitcherModel(task)
    proposed = re.search(r"keras\.Model\(.*?\)", str(error.value)).group()
    fit(switched(eval(proposed), compiled={"run_eagerly": True}))


class Plain(keras.Model):
    """Overrides nothing of what a switcher model does for a task network."""

    def fit(self, *args, **kwargs):
        return super().fit(*args, **kwargs)

    def describe(self):
        return "plain"


def nested():
    """A nested model with a step of its own, which Keras ignores as well."""
    inner = as_model(overriding("train_step"))
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Dense(3)(inner(inputs)))


@pytest.mark.parametrize(
    "make", [mlp, lambda: as_model(keras.Model), lambda: as_model(Plain), nested]
)
def test_what_keras_trains_with_its_own_steps_is_taken(make):
    task = make()
    task.compile("sgd", crossentropy(), run_eagerly=True)
    task.fit(*data(), verbose=0)
    fit(switched(task, compiled={"run_eagerly": True}))


def test_surgery_asks_for_no_step():
    task = as_model(overriding("train_step"))
    assert channel_groups(task)[0].prunable
    small = prune_channels(task, {"hidden": np.arange(8) > 2})
    assert type(small).train_step is keras.Model.train_step


@pytest.mark.parametrize("backend", ["numpy", "openvino"])
def test_a_backend_without_a_training_step_is_named(monkeypatch, backend):
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    with pytest.raises(ImportError, match=f"Keras runs on '{backend}'.*KERAS_BACKEND"):
        importlib.reload(backends)


def test_a_backend_that_was_changed_since_is_named(monkeypatch):
    model, other = switched(), types.ModuleType("keras")
    before = values(model.variables)
    other.backend = types.SimpleNamespace(backend=lambda: "another")
    monkeypatch.setitem(sys.modules, "keras", other)  # As keras.config.set_backend() does.
    with pytest.raises(ValueError, match=r"runs on another now.*Save the model.*KERAS_BACKEND"):
        model.fit(*data(), verbose=0)
    assert same(before, model.variables)


def test_float64_that_a_backend_does_not_have_is_named(monkeypatch):
    task = mlp()
    with float64():
        wide = mlp()
    monkeypatch.setattr(type(wide.variables[0]), "value", task.variables[0].value)
    with pytest.raises(ValueError, match=r"in float64.*holds it in float32.*JAX_ENABLE_X64"):
        check_precision(wide)


class Outer(keras.Model):
    """Calls a model in its own call()."""

    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, inputs, training=None):
        return self.inner(inputs, training=training)


def functional(inner):
    inputs = keras.Input((4,))
    return keras.Model(inputs, inner(inputs))


def sequential(inner):
    return keras.Sequential([keras.Input((4,)), layers.Rescaling(0.5), inner])


def twice_nested(inner):
    return sequential(functional(inner))


OUTER = [Outer, functional, sequential, twice_nested]


@pytest.mark.parametrize("outer", OUTER)
def test_a_switcher_model_is_not_trained_inside_another_model(outer):
    inner = SwitcherModel(mlp(), name="inside")
    before = [np.array(weight) for weight in inner.weights]
    model = outer(inner)
    model.compile("sgd", crossentropy(), run_eagerly=outer is not Outer)
    with pytest.raises(ValueError, match=r"'inside'.*is trained inside"):
        fit(model)
    if keras.backend.backend() == "jax":
        return  # Keras's own fit(), here that of the outer model, loses values when a step fails.
    for old, new in zip(before, inner.weights, strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("outer", OUTER)
def test_a_switcher_model_may_be_asked_inside_another_model(outer):
    inner, (x, y) = SwitcherModel(mlp()), data()
    model = outer(inner)
    scaled = x / 2 if outer in (sequential, twice_nested) else x
    expected = inner(scaled)
    np.testing.assert_allclose(model(x), expected, atol=1e-6)
    model.compile("sgd", crossentropy(), run_eagerly=True)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, atol=1e-6)
    model.evaluate(x, y, verbose=0)


def test_a_switcher_model_that_is_frozen_may_be_part_of_a_model_that_trains():
    inner = SwitcherModel(mlp(), name="inside")
    inner.trainable = False
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(3)(inner(inputs)))
    model.compile("sgd", crossentropy(), run_eagerly=True)
    fit(model)


def test_a_loop_of_ones_own_may_call_a_switcher_model():
    model = SwitcherModel(mlp())
    np.testing.assert_allclose(model(data()[0], training=True), model(data()[0]), atol=1e-6)
