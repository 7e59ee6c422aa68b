"""Who is updated when: every alternation against algorithm 1 written out in NumPy."""

import keras
import numpy as np
import pytest
from helpers.opaque import Opaque
from helpers.paper import SWITCHER, TASK, X, Y, paper_model, simulate, weights
from helpers.toys import fit, float64, float64_error, mlp, same, switched, values

from keras_switcher import Budget, SwitcherModel
from keras_switcher.switchers import RowSwitcher

MODES = {
    "plain": {},
    "jit": {"jit_compile": True},
    "steps": {"steps_per_execution": 4},
    "eager": {"run_eagerly": True},
}


def run(model, epochs, **kwargs):
    model.fit(X[:, None], Y, batch_size=1, epochs=epochs, shuffle=False, verbose=0, **kwargs)
    return *weights(model), *(int(o.iterations.numpy()) for o in optimizers(model))


def optimizers(model):
    return model.optimizer, model.switcher_optimizer


def assert_run(found, expected):
    np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=float64_error(1e-10))
    np.testing.assert_allclose(found[1], expected[1], rtol=0, atol=float64_error(1e-10))
    assert found[2:] == expected[2:]


COMPILED = pytest.mark.only("tensorflow", "jax", reason="PyTorch compiles no steps.")


def alternations(mode):
    """All of them; compiled in another way, "task" and "switcher" are the functions of "epoch"."""
    marks = [COMPILED] if mode in ("jit", "steps") else []
    for alternation in ("batch", "epoch", "joint"):
        yield pytest.param(alternation, mode, marks=marks)
    for alternation in ("task", "switcher"):
        yield pytest.param(alternation, mode, marks=[*marks, pytest.mark.long] if marks else [])


CASES = [case for mode in MODES for case in alternations(mode)]


@pytest.mark.parametrize(("alternation", "mode"), CASES)
def test_fit_is_algorithm_1(alternation, mode):
    with float64():
        model = paper_model(0.125, MODES[mode], alternation=alternation, warmup_epochs=1)
        assert_run(run(model, 4), simulate(alternation, 4, 1, 0.125))


class Traced(Opaque):
    """Passes its input on and counts how often that is written into a graph."""

    count = 0

    def call(self, inputs):
        type(self).count += 1
        return inputs


@pytest.mark.only("tensorflow", reason="JAX compiles both turns into one step; PyTorch none.")
def test_the_turns_of_a_batch_share_one_graph():
    """That of the smaller last batch, too."""
    counts = []
    for alternation in ("joint", "batch"):
        task = keras.Sequential([keras.Input((4,)), keras.layers.Dense(5), Traced()])
        task.add(keras.layers.Dense(3))
        model = switched(task, alternation=alternation)
        Traced.count = 0
        model.fit(np.ones((10, 4)), np.zeros(10), batch_size=4, epochs=2, verbose=0)
        counts.append(Traced.count)
    assert counts[0] == counts[1] > 0


def test_a_train_step_of_ones_own_is_used():
    class Own(SwitcherModel):
        def train_step(self, *arguments):
            logs = super().train_step(*arguments)
            if keras.backend.backend() == "jax":  # Its steps take a state and return it.
                logs, state = logs
                return {**logs, "own": 7.0}, state
            return {**logs, "own": 7.0}

    model = Own(mlp(), alternation="batch")
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert fit(model, epochs=2)["own"] == [7, 7]
    assert model.optimizer.iterations == model.switcher_optimizer.iterations > 0


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize("alternation", ["joint", "batch"])
def test_an_output_without_labels_is_left_out(alternation):
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(8, "relu")(inputs)
    outputs = [keras.layers.Dense(3, name=name)(hidden) for name in ("learned", "free")]
    task = keras.Model(inputs, outputs)
    model = SwitcherModel(task, alternation=alternation)
    model.compile("sgd", ["mse", None], jit_compile=False)
    labels = [np.ones((10, 3)), None]
    model.fit(np.ones((10, 4)), labels, batch_size=4, verbose=0)
    assert task.get_layer("learned").bias.numpy().all()
    assert not task.get_layer("free").bias.numpy().any()


@COMPILED
def test_a_partial_last_execution_is_trained_on_too():
    with float64():
        model = paper_model(0.125, {"steps_per_execution": 3})
        assert_run(run(model, 2), simulate("batch", 2, 0, 0.125))


@pytest.mark.parametrize("alternation", ["task", "switcher"])
def test_the_other_network_is_left_alone(alternation):
    with float64():
        model = paper_model(0.125, alternation=alternation)
        task, switcher, *_ = run(model, 1)
    assert np.array_equal(task, TASK) == (alternation == "switcher")
    assert np.array_equal(switcher, SWITCHER) == (alternation == "task")


def test_warm_up_leaves_the_switcher_untouched_and_its_factors_one():
    adam = {"optimizer": "adam", "switcher_optimizer": "adam"}
    model = switched(switcher=RowSwitcher(start="near_one"), warmup_epochs=2, compiled=adam)
    untouched = values([*model.switcher.variables, *model.switcher_optimizer.variables])

    ones = []

    def look(epoch, logs):
        ones.append(all((f == 1).all() for f in model.scaling_factors().values()))

    record = keras.callbacks.LambdaCallback(on_epoch_begin=look)
    fit(model, epochs=2, callbacks=[record], validation_split=0.25)
    assert same(untouched, [*model.switcher.variables, *model.switcher_optimizer.variables])
    fit(model, callbacks=[record])
    assert ones == [True, True, False]
    assert not same(untouched[:3], model.switcher.variables[:3])


class Asked(RowSwitcher):
    """Counts how often it is asked for factors."""

    count = 0

    def call(self, records):
        self.count += 1
        return super().call(records)


@pytest.mark.parametrize("connections", [False, True, "both"])
def test_warm_up_does_not_ask_the_switcher(connections):
    """A U-Net would take most of the time, for factors that nothing uses."""
    model = switched(switcher=Asked(), connections=connections, warmup_epochs=2, budget=Budget(0.5))
    model.run_eagerly = True
    fit(model, epochs=1, batch_size=32)  # Keras may look for shapes before.
    before = model.switcher.count
    fit(model, epochs=1)
    assert model.switcher.count == before
    fit(model, epochs=1, batch_size=32)
    assert model.switcher.count == before + 2  # The switcher's turn and the task network's.


def test_alternation_can_change_between_fits():
    """SNN-SL, the paper's table 2: the task network alone to its end, then only the switcher."""
    with float64():
        model = paper_model(0.125, alternation="batch", warmup_epochs=2)
        task, switcher, *_ = run(model, 2)
        assert np.array_equal(switcher, SWITCHER)
        model.alternation = "switcher"
        found = run(model, 3)
        assert np.array_equal(found[0], task)
        expected = simulate("switcher", 3, 0, 0.125, (task, switcher))
        np.testing.assert_allclose(found[1], expected[1], rtol=0, atol=float64_error(1e-10))
        model.alternation = "joint"
        expected = simulate("joint", 2, 0, 0.125, found[:2])
        np.testing.assert_allclose(
            run(model, 2)[:2], expected[:2], rtol=0, atol=float64_error(1e-10)
        )


def test_a_callback_can_change_alternation_from_the_next_epoch():
    class Change(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.alternation = "task"

    with float64():
        model = paper_model(0.125, alternation="joint")
        found = run(model, 3, callbacks=[Change()])
        task, switcher, *_ = simulate("joint", 1, 0, 0.125)
        expected = simulate("task", 2, 0, 0.125, (task, switcher))
    np.testing.assert_allclose(found[:2], expected[:2], rtol=0, atol=float64_error(1e-10))


def test_epochs_in_turn_go_on_over_several_fits():
    with float64():
        model = paper_model(0.125, alternation="epoch")
        for _ in range(3):
            found = run(model, 1)
        assert_run(found, simulate("epoch", 3, 0, 0.125))


def test_train_on_batch_follows_alternation():
    with float64():
        model = paper_model(0.125, alternation="task")
        for alternation in ("task", "joint", "switcher"):
            model.alternation = alternation
            model.train_on_batch(X[:1, None], Y[:1])
        assert [int(o.iterations.numpy()) for o in optimizers(model)] == [2, 2]


@COMPILED
def test_graphs_are_traced_once_for_each_of_the_turns():
    task = keras.Sequential([keras.Input((4,)), traced := Traced(), keras.layers.Dense(3)])
    model = switched(task, alternation="epoch")
    counts = []
    for _ in range(4):
        fit(model)
        counts.append(traced.count)
    assert counts[0] < counts[1] == counts[2] == counts[3]


def test_a_list_of_callbacks_counts_epochs_once():
    model = switched()
    callbacks = keras.callbacks.CallbackList(add_history=True, model=model)
    for _ in range(3):
        fit(model, callbacks=callbacks)
    assert float(model.epochs_seen) == 3


def test_warm_up_can_be_changed_between_fits():
    model = switched(alternation="task")
    fit(model)
    model.warmup_epochs = np.int64(5)
    assert all((f == 1).all() for f in model.scaling_factors().values())
    fit(model)
    assert all((f == 1).all() for f in model.scaling_factors().values())
