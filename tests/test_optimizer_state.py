"""A compact model goes on training where the switched network was."""

import keras
import numpy as np
import pytest
import toys
from keras import layers

from keras_switcher import SwitcherModel, switchers

OPTIMIZERS = {
    "momentum": lambda: keras.optimizers.SGD(0.05, momentum=0.9),
    "schedule": lambda: keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 30)),
    "adam": lambda: keras.optimizers.Adam(0.01),
    "amsgrad": lambda: keras.optimizers.AdamW(0.01, amsgrad=True, clipnorm=1.0),
    "averaged": lambda: keras.optimizers.RMSprop(0.01, use_ema=True, ema_overwrite_frequency=None),
    "scaled": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Lion(0.001)),
}


def residual():
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(6, 3, padding="same", name="stem")(inputs)
    y = layers.BatchNormalization()(layers.SeparableConv2D(5, 3, padding="same", name="inner")(x))
    x = layers.ReLU()(layers.Add()([x, layers.Conv2D(6, 1, name="back")(y)]))
    x = layers.Dense(7, "relu", name="hidden")(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(3, name="head")(x))


def trained(optimizer):
    """Some channels off, some scaled, factors that do not change, and an optimizer that moved."""
    keras.utils.set_random_seed(0)
    model = SwitcherModel(residual(), switchers.FreeFactors(start="half_zeros"), alternation="task")
    model.compile(optimizer, loss=toys.crossentropy(), metrics=["accuracy"])
    toys.stepped(model, *toys.data(shape=(8, 8, 1)), epochs=2)
    return model


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_losses_go_on_as_with_the_factors_fixed(name):
    model = trained(OPTIMIZERS[name]())
    small = model.compact(optimizer=True)
    assert small.count_params() < model.task.count_params()
    data = toys.data(shape=(8, 8, 1), seed=1)
    together = toys.stepped(model, *data, epochs=3)
    alone = toys.stepped(small, *data, epochs=3)
    np.testing.assert_allclose(alone["loss"], together["loss"], rtol=1e-4)
    assert len(set(alone["loss"])) == 3
    fresh = model.compact()
    fresh.compile(OPTIMIZERS[name](), toys.crossentropy())
    assert not np.allclose(toys.stepped(fresh, *data, epochs=3)["loss"], alone["loss"], rtol=1e-4)


def test_state_that_cannot_be_cut_is_named():
    model = SwitcherModel(toys.mlp(), switchers.FreeFactors(start="half_zeros"), ["hidden"])
    model.compile(keras.optimizers.Adafactor(), toys.crossentropy())
    with pytest.raises(ValueError, match="state of Adafactor cannot be cut"):
        model.compact(optimizer=True)


def test_model_without_an_optimizer_is_named():
    with pytest.raises(ValueError, match="has no optimizer to carry over"):
        SwitcherModel(toys.mlp()).compact(optimizer=True)


def squared(y, outputs):
    """A loss, or a metric, that nobody registered."""
    return keras.ops.mean(keras.ops.square(outputs - keras.ops.one_hot(y, 3)))


def test_a_loss_may_be_any_function():
    model = toys.switched(compiled={"optimizer": "adam", "loss": squared})
    x, y = toys.data()
    toys.fit(model, x, y)
    small = model.compact(optimizer=True)
    loss = model.evaluate(x, y, verbose=0, return_dict=True)["loss"]
    assert small.evaluate(x, y, verbose=0) == pytest.approx(loss)


def test_metrics_that_cannot_be_copied_are_named():
    model = toys.switched(compiled={"loss": squared, "metrics": [squared]})
    toys.fit(model, *toys.data())
    with pytest.raises(ValueError, match=r"metrics of .* cannot be copied.*register"):
        model.compact(optimizer=True)


def test_weights_that_do_not_decay_still_do_not():
    optimizer = keras.optimizers.AdamW(0.01)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    small = trained(optimizer).compact(optimizer=True)
    decays = {v.name: small.optimizer._use_weight_decay(v) for v in small.trainable_variables}
    assert decays["kernel"]
    assert not decays["bias"]


@pytest.mark.parametrize("kind", ["Lamb", "Muon"])
def test_optimizers_that_look_at_whole_matrices_are_refused(kind):
    model = trained(getattr(keras.optimizers, kind)(0.01))
    with pytest.raises(ValueError, match=f"{kind} updates each weight by what the whole matrix"):
        model.compact(optimizer=True)


def test_layers_may_be_frozen_after_compiling():
    model = trained(keras.optimizers.Adam(0.01))
    model.task.get_layer("stem").trainable = False
    small = model.compact(optimizer=True)
    assert not small.get_layer("stem").trainable
    toys.stepped(small, *toys.data(shape=(8, 8, 1)))


class SideOff(switchers.Switcher):
    """Nothing is left of `side`."""

    def call(self, records):
        return [keras.ops.ones(r.size) * float(r.name != "side") for r in records]


def test_layers_that_nothing_reads_any_more_leave_no_state(tmp_path):
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="stem")(inputs)
    gate = layers.Conv2D(6, 1, name="gate")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    y = layers.Conv2D(5, 3, padding="same", name="side")(layers.Multiply()([x, gate]))
    x = layers.GlobalAveragePooling2D()(layers.Concatenate()([x, y]))
    task = keras.Model(inputs, layers.Dense(3, name="head")(x))
    model = SwitcherModel(task, SideOff(), alternation="task")
    model.compile(keras.optimizers.Adam(0.01), toys.crossentropy())
    data = toys.data(shape=(8, 8, 1))
    toys.fit(model, *data)
    small = model.compact(optimizer=True)
    assert "gate" not in [layer.name for layer in small.layers]
    small.save(tmp_path / "small.keras")
    loaded = keras.models.load_model(tmp_path / "small.keras")
    assert int(loaded.optimizer.iterations) == int(model.optimizer.iterations) > 0
    assert toys.same(small.optimizer.variables, loaded.optimizer.variables)
    histories = [toys.fit(each, *data, epochs=2)["loss"] for each in (small, loaded)]
    np.testing.assert_allclose(*histories, rtol=1e-6)
