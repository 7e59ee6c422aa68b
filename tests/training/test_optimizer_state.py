"""A compact model goes on training where the switched network was."""

import keras
import numpy as np
import pytest
from helpers import toys
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
    return keras.ops.mean(
        keras.ops.square(outputs - keras.ops.one_hot(keras.ops.cast(y, "int32"), 3))
    )


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


@pytest.mark.only(
    *("tensorflow", "torch"),
    reason="Keras's optimizers update all that they were built with, or nothing, under JAX.",
)
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


STARTING_AT_WEIGHTS = {
    "schedule free": lambda: keras.optimizers.ScheduleFreeAdamW(0.05),
    "schedule free, scaled": lambda: keras.optimizers.LossScaleOptimizer(
        keras.optimizers.ScheduleFreeAdamW(0.05, warmup_steps=2)
    ),
    "averaged": lambda: keras.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.5),
    "of a user": lambda: Returning(0.05),
}


@keras.saving.register_keras_serializable("tests")
class Returning(keras.optimizers.SGD):
    """Pulls weights back to where they were when it was built."""

    def build(self, variables):
        super().build(variables)
        self.starts = self.add_optimizer_variables(variables, "start")
        for start, variable in zip(self.starts, variables, strict=True):
            start.assign(variable)

    def update_step(self, gradient, variable, learning_rate):
        start = self.starts[self._get_variable_index(variable)]
        super().update_step(gradient + 3 * (variable - start), variable, learning_rate)


@pytest.mark.parametrize("by", ["fit", "train_on_batch"])
@pytest.mark.parametrize("name", STARTING_AT_WEIGHTS)
def test_weights_may_be_loaded_after_compiling(name, by):
    keras.utils.set_random_seed(2)
    weights = toys.mlp().get_weights()
    x, y = toys.data()
    losses = []
    for wraps in (False, True):
        keras.utils.set_random_seed(1)
        task = toys.mlp()
        model = SwitcherModel(task, alternation="task", warmup_epochs=9) if wraps else task
        more = {"switcher_optimizer": keras.optimizers.SGD(0.1)} if wraps else {}
        model.compile(STARTING_AT_WEIGHTS[name](), toys.crossentropy(), run_eagerly=True, **more)
        task.set_weights(weights)
        if by == "fit":
            losses.append(toys.fit(model, x, y, epochs=2)["loss"])
        else:
            logs = [model.train_on_batch(x, y, return_dict=True)["loss"] for _ in range(3)]
            losses.append([float(loss) for loss in logs])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)


@pytest.mark.parametrize("name", ["schedule free", "averaged", "of a user"])
def test_what_starts_at_the_weights_comes_along(name):
    model = trained(STARTING_AT_WEIGHTS[name]())
    small = model.compact(optimizer=True)
    data = toys.data(shape=(8, 8, 1), seed=1)
    together, alone = (toys.fit(each, *data, epochs=2)["loss"] for each in (model, small))
    np.testing.assert_allclose(alone, together, rtol=1e-4)


class Halving(keras.constraints.Constraint):
    """Of a user: nobody knows what it looks at."""

    def __call__(self, w):
        return w / (1 + keras.ops.norm(w))


def constrained(**hidden):
    """A network whose hidden layer has four of eight units off, and half of its inputs."""
    keras.utils.set_random_seed(0)
    task = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(6, "relu", name="before"),
            layers.Dense(8, "relu", name="hidden", **hidden),
            layers.Dense(3, name="head"),
        ]
    )
    switcher = switchers.FreeFactors(start="half_zeros")
    model = SwitcherModel(task, switcher, ["before", "hidden"], alternation="task")
    model.compile(keras.optimizers.Adam(0.02), toys.crossentropy())
    toys.fit(model, *toys.data(), epochs=1)
    return model


AS_A_WHOLE = {
    "UnitNorm": {"kernel_constraint": keras.constraints.UnitNorm(axis=0)},
    "MaxNorm": {"kernel_constraint": keras.constraints.MaxNorm(1.0, axis=[0, 1])},
    "MinMaxNorm": {"bias_constraint": keras.constraints.MinMaxNorm(0.1, 1.0, axis=-1)},
    "Halving": {"kernel_constraint": Halving()},
    "OrthogonalRegularizer": {"kernel_regularizer": keras.regularizers.OrthogonalRegularizer()},
    "L2": {"activity_regularizer": "l2"},
}
ENTRY_BY_ENTRY = {
    "no negative weights": {"kernel_constraint": keras.constraints.NonNeg()},
    "sums": {"kernel_regularizer": keras.regularizers.L1L2(1e-3, 1e-2)},
}


@pytest.mark.parametrize("kind", AS_A_WHOLE)
def test_what_looks_at_whole_weights_is_named(kind):
    model = constrained(**AS_A_WHOLE[kind])
    with pytest.raises(ValueError, match=rf"^{kind} (constrains|regularizes) .* of 'hidden'"):
        model.compact(optimizer=True)
    model.compact()


@pytest.mark.parametrize("kind", ENTRY_BY_ENTRY)
def test_what_looks_at_single_weights_goes_on(kind):
    model = constrained(**ENTRY_BY_ENTRY[kind])
    small = model.compact(optimizer=True)
    runs = [toys.fit(each, *toys.data(seed=1), epochs=2) for each in (model, small)]
    if "constraint" in str(ENTRY_BY_ENTRY[kind]):
        np.testing.assert_allclose(runs[1]["loss"], runs[0]["loss"], rtol=1e-4)
    weights = model.compact().get_weights()
    again = small.get_layer("before").get_weights()
    np.testing.assert_allclose(again[1], weights[1], rtol=1e-3, atol=1e-5)


def test_norms_over_axes_that_stay_whole_go_on():
    keras.utils.set_random_seed(0)
    whole = keras.constraints.MaxNorm(0.5, axis=0)
    task = toys.mlp(kernel_constraint=whole)
    model = SwitcherModel(task, switchers.FreeFactors(start="half_zeros"), ["hidden"])
    model.alternation = "task"
    model.compile(keras.optimizers.Adam(0.1), toys.crossentropy())
    toys.fit(model, *toys.data(), epochs=1)
    small = model.compact(optimizer=True)
    assert small.get_layer("hidden").units < 8
    runs = [toys.fit(each, *toys.data(seed=1), epochs=3)["loss"] for each in (model, small)]
    np.testing.assert_allclose(*runs, rtol=1e-4)


def test_regularizers_under_clipping_by_norms_are_named():
    model = constrained(kernel_regularizer="l2")
    model.compile(keras.optimizers.SGD(0.1, clipnorm=1.0), toys.crossentropy())
    toys.fit(model, *toys.data(), epochs=1)
    with pytest.raises(ValueError, match=r"^L2 regularizes 'kernel', under clipping by norms"):
        model.compact(optimizer=True)


@pytest.mark.parametrize("argument", ["optimizer", "switcher_optimizer"])
@pytest.mark.parametrize("how", ["map", "function", "scaled", "config"])
def test_several_optimizers_in_one_are_refused(argument, how):
    kinds = keras.optimizers
    made = kinds.MultiOptimizer(kinds.OptimizerMap(kinds.SGD(0.1), {"head/.*": kinds.Adam()}))
    given = {
        "map": made,
        "function": kinds.MultiOptimizer(lambda variable: kinds.SGD(0.1)),
        "scaled": kinds.LossScaleOptimizer(made),
        "config": kinds.serialize(made),
    }[how]
    model = SwitcherModel(toys.mlp())
    with pytest.raises(ValueError, match=f"^`{argument}` is a MultiOptimizer"):
        model.compile(**{"optimizer": "sgd", argument: given}, loss=toys.crossentropy())
    assert not model.compiled
