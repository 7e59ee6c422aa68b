"""evaluate() and predict(): factors are computed once per call, and are never stale."""

import keras
import numpy as np
import pytest
from helpers.checks import check_close
from helpers.gradients import compiled
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

from keras_switcher import SwitcherModel
from keras_switcher.switchers import FrozenSwitcher, RowSwitcher

SEVERAL_STEPS = pytest.mark.only(
    "tensorflow", "jax", reason="Keras takes one step per execution under PyTorch."
)
JAX, RUNS = keras.backend.backend() == "jax", []
if JAX:
    import jax


@keras.saving.register_keras_serializable(package="tests")
class Counted(RowSwitcher):
    """A row switcher that counts how often it really runs, in a graph or not."""

    def build(self, records):
        super().build(records)
        self.count = self.add_weight(shape=(), dtype="int32", trainable=False, name="count")

    def call(self, records):
        if JAX:  # What is compiled for the factors returns them alone.
            jax.debug.callback(RUNS.append, 1)
        self.count.assign_add(1)
        return super().call(records)


def counted(**kwargs):
    return switched(switcher=Counted(), **kwargs)


def runs(model):
    if not JAX:
        return int(ops.convert_to_numpy(model.switcher.count))
    jax.effects_barrier()
    return len(RUNS)


def calls(model, function):
    before = runs(model)
    function()
    return runs(model) - before


@pytest.mark.parametrize("steps", [1, pytest.param(3, marks=SEVERAL_STEPS)])
def test_factors_are_computed_once_per_call(steps):
    x, y = data()
    model = counted(compiled={"steps_per_execution": steps})
    for _ in range(2):
        assert calls(model, lambda: model.evaluate(x, y, batch_size=4, verbose=0)) == 1
        assert calls(model, lambda: model.predict(x, batch_size=4, verbose=0)) == 1


def test_validation_in_fit_computes_them_once():
    x, y = data()
    model = counted()
    epoch = calls(model, lambda: fit(model, x, y))
    assert epoch == 2 * 8  # Both updates of each batch.
    with_validation = calls(model, lambda: fit(model, x, y, epochs=2, validation_data=(x, y)))
    assert with_validation == 2 * (epoch + 1)


def loss_of(model, x, y):
    return float(crossentropy()(y, model(x)))


def twice():
    """A network that calls one of its layers twice: one kernel, two gates."""
    inputs = keras.Input((4,))
    shared = layers.Dense(8, "relu", name="shared")
    first = layers.Dense(8, "relu", name="first")(inputs)
    return keras.Model(inputs, layers.Dense(3, name="head")(shared(shared(first))))


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize(("make_task", "shape"), [(mlp, (4,)), (convnet, (8, 8, 1)), (twice, (4,))])
def test_every_way_to_ask_gives_the_outputs_of_the_weights_as_they_are(make_task, shape, eager):
    x, y = data(10, shape)
    model = switched(make_task(), compiled={"run_eagerly": eager})
    for seed in range(2):  # The second time, functions and factors of the first are there.
        randomize(model.trainable_variables, seed=seed)
        model.switcher.of_channels.beta.assign(1.5)
        expected, loss = values([model(x)])[0], loss_of(model, x, y)
        for outputs in (model.predict(x, batch_size=4, verbose=0), model.predict_on_batch(x)):
            np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)
        assert model.evaluate(x, y, batch_size=4, verbose=0) == pytest.approx(loss, rel=1e-5)
        assert model.test_on_batch(x, y) == pytest.approx(loss, rel=1e-5)


def test_set_weights_between_calls_is_seen():
    x, _ = data()
    model, other = switched(), switched()
    first = model.predict(x, verbose=0)
    model.set_weights(other.get_weights())
    np.testing.assert_allclose(model.predict(x, verbose=0), other.predict(x, verbose=0), atol=1e-6)
    assert np.abs(first - model.predict(x, verbose=0)).max() > 0.01


def test_predict_and_evaluate_inside_callbacks_see_the_current_weights():
    x, y = data()
    errors = []

    class Ask(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            wanted = values([self.model(x)])[0]
            errors.append(np.abs(self.model.predict(x, verbose=0) - wanted).max())

        def on_epoch_end(self, epoch, logs=None):
            loss = self.model.evaluate(x, y, verbose=0)
            errors.append(abs(loss - loss_of(self.model, x, y)))

    model = switched(rate=0.5)
    start = values(model.weights)
    fit(model, x, y, epochs=2, callbacks=[Ask()], validation_data=(x, y))
    assert len(errors) == 18
    assert max(errors) < 1e-5
    assert furthest(start, model.weights) > 0.1


def averaging():
    return {"optimizer": keras.optimizers.SGD(0.3, use_ema=True, ema_momentum=0.8)}


@pytest.mark.parametrize("alternation", ["batch", "epoch"])
def test_validation_with_averaged_weights_uses_their_factors(alternation):
    """SwapEMAWeights swaps inside evaluate(), after its start and before its first batch."""
    x, y = data()
    model = switched(alternation=alternation, compiled=averaging())
    wanted = []

    class Reference(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            task = self.model.task.trainable_variables
            kept = values(task)
            averages = values(self.model.optimizer._model_variables_moving_average)
            for variable, average in zip(task, averages, strict=True):
                variable.assign(average)
            wanted.append(loss_of(self.model, x, y))
            for variable, value in zip(task, kept, strict=True):
                variable.assign(value)
            self.plain = loss_of(self.model, x, y)

    reference = Reference()
    callbacks = [keras.callbacks.SwapEMAWeights(), reference]
    history = fit(model, x, y, epochs=2, validation_data=(x, y), callbacks=callbacks)
    assert history["val_loss"] == pytest.approx(wanted, rel=1e-5)
    assert abs(reference.plain - wanted[-1]) > 1e-3
    assert loss_of(model, x, y) == pytest.approx(wanted[-1], rel=1e-5)


@pytest.mark.parametrize("alternation", ["switcher", "epoch"])
def test_averaging_leaves_a_network_that_was_not_trained_as_it_was(alternation):
    model = switched(alternation=alternation, compiled=averaging())
    start = values(model.task.weights)
    fit(model)
    assert same(start, model.task.weights)


def test_averaged_weights_of_the_switcher_arrive():
    averaged = switched(compiled={"switcher_optimizer": averaging()["optimizer"]})
    plain = switched(rate=0.3)
    plain.set_weights(averaged.get_weights())
    plain.optimizer.learning_rate = averaged.optimizer.learning_rate = 0.1
    for model in (averaged, plain):
        fit(model)
    averages = averaged.switcher_optimizer._model_variables_moving_average
    assert same(averages, averaged.switcher.trainable_variables)
    assert furthest(plain.task.weights, averaged.task.weights) < 1e-6
    assert furthest(plain.switcher.weights, averaged.switcher.weights) > 0.01


def nearly_tied():
    """A network whose hidden units differ in nothing but the order of their weights."""
    random = np.random.default_rng(0)
    task = keras.Sequential(
        [keras.Input((300,)), layers.Dense(200, "relu", name="hidden"), layers.Dense(10)]
    )
    kernel = random.normal(size=300)
    task.layers[0].kernel.assign(np.stack([random.permutation(kernel) for _ in range(200)], 1))
    reader = random.normal(size=10)
    task.layers[1].kernel.assign(np.stack([random.permutation(reader) for _ in range(200)]))
    return task


def test_ranks_of_nearly_tied_units_are_the_same_everywhere():
    """Eager and compiled code round the sums of their statistics differently."""
    task = nearly_tied()
    row = RowSwitcher(start="near_one")
    model = SwitcherModel(task, FrozenSwitcher(row, keep=0.5), groups=["hidden"])
    x = np.random.default_rng(1).normal(size=(16, 300)).astype("float32")
    predicted = model.predict(x, verbose=0)
    check_close(model.compact().predict(x, verbose=0), predicted, "nearly tied")
    model.compile(loss=crossentropy())
    model.evaluate(x, np.zeros(16), verbose=0)
    check_close(model.compact().predict(x, verbose=0), predicted, "nearly tied")


@pytest.mark.parametrize("eagerly", [False, True])
def test_factors_follow_changed_settings(eagerly):
    x, y = data()
    model = switched(compiled={"run_eagerly": eagerly})
    fit(model, x, y)
    assert all((factor != 1).any() for factor in model.scaling_factors().values())
    model.warmup_epochs = 5
    assert all((factor == 1).all() for factor in model.scaling_factors().values())


STEPS = {"test_step": lambda x, y: (x, y), "predict_step": lambda x, y: x}
OUTSIDE = "outside of evaluate.* call model\\(x, training=False\\), test_on_batch"


def step_of(model, name):
    """A step as a function of its batch: JAX's take the state of the model, too."""
    if keras.backend.backend() != "jax":
        return getattr(model, name)

    def run(batch):
        parts = [model.trainable_variables, model.non_trainable_variables, model.metrics_variables]
        state = [[v.value for v in part] for part in parts[: 2 if name == "predict_step" else 3]]
        return getattr(model, name)(state, batch)

    return run


@pytest.mark.parametrize("eagerly", [True, False])
@pytest.mark.parametrize("step", STEPS)
def test_a_step_of_its_own_has_no_factors_and_says_what_has(step, eagerly):
    """Before any predict() it had those of no switcher, later those of the last call."""
    x, y = data()
    batch = keras.tree.map_structure(ops.convert_to_tensor, STEPS[step](x, y))
    model = switched(compiled={"run_eagerly": eagerly})
    call = step_of(model, step) if eagerly else compiled(step_of(model, step))
    for _ in range(2):
        with pytest.raises(ValueError, match=OUTSIDE):
            call(batch)
        model.predict(x, verbose=0)
        model.evaluate(x, y, verbose=0)


def test_a_run_that_failed_leaves_no_scope_open():
    model = switched(compiled={"run_eagerly": True})
    with pytest.raises(ValueError, match="incompatible with the layer"):
        model.predict_on_batch(np.ones((2, 5), "float32"))
    with pytest.raises(ValueError, match=OUTSIDE):
        step_of(model, "predict_step")(ops.ones((2, 4)))


def test_callbacks_may_evaluate_inside_a_run_but_not_take_its_step():
    x, y = data()
    asked = []

    class Ask(keras.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            asked.append(self.model.predict_on_batch(x))
            with pytest.raises(ValueError, match=OUTSIDE):
                step_of(self.model, "predict_step")(x)

    model = switched()
    model.evaluate(x, y, batch_size=16, verbose=0, callbacks=[Ask()])
    for outputs in asked:
        np.testing.assert_allclose(outputs, values([model(x)])[0], rtol=1e-4, atol=1e-5)
    assert len(asked) == 2


class Own(SwitcherModel):
    """Steps that add to those of the class, as Keras's guide writes them."""

    def test_step(self, *arguments):
        results = super().test_step(*arguments)
        if keras.backend.backend() == "jax":  # Its steps take a state and return it.
            return {**results[0], "own": ops.ones(())}, results[1]
        return {**results, "own": ops.ones(())}

    def predict_step(self, *arguments):
        results = super().predict_step(*arguments)
        return (2 * results[0], results[1]) if isinstance(results, tuple) else 2 * results


@pytest.mark.parametrize("steps", [1, pytest.param(2, marks=SEVERAL_STEPS)])
def test_steps_of_a_subclass_see_the_factors_wherever_keras_takes_them(steps):
    x, y = data()
    model = Own(mlp())
    model.compile("sgd", crossentropy(), steps_per_execution=steps)
    model.switcher.of_channels.beta.assign(1.5)
    for _ in range(2):
        history = fit(model, x, y, validation_data=(x, y))
        loss, outputs = loss_of(model, x, y), 2 * values([model(x)])[0]
        assert history["val_own"] == [1]
        assert history["val_loss"] == [pytest.approx(loss, rel=1e-5)]
        assert model.test_on_batch(x, y, return_dict=True)["loss"] == pytest.approx(loss, rel=1e-5)
        for found in (model.predict(x, verbose=0), model.predict_on_batch(x)):
            np.testing.assert_allclose(found, outputs, rtol=1e-4, atol=1e-5)
