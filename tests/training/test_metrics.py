"""Shares of the structure as metrics: in the log of training and validation, and true."""

import csv

import keras
import numpy as np
import pytest
from helpers.toys import convnet, crossentropy, data, fit, mlp, randomize, switched

from keras_switcher import Budget, StructureHistory, SwitcherModel, count_parameters
from keras_switcher.switchers import FreeFactors, FrozenSwitcher, RowSwitcher

NAMES = ("pruned", "weakened", "strengthened", "weights_removed")


def half_pruned(task=None, **kwargs):
    """A model whose factors do not move: half zeros, half strengthened and weakened."""
    model = switched(task, FrozenSwitcher(FreeFactors("half_zeros", seed=3)), **kwargs)
    assert any((f == 0).any() for f in model.scaling_factors().values())
    return model


def expected_shares(model):
    """The shares, from the structure that the model reports."""
    counts = model.structure().to_dict()["groups"].values()
    total = sum(c["total"] for c in counts)
    shares = {name: sum(c[name] for c in counts) / total for name in NAMES[:3]}
    return {**shares, "weights_removed": model.structure().removed("weights")}


@pytest.mark.parametrize(("make_task", "shape"), [(mlp, (4,)), (convnet, (8, 8, 1))])
def test_shares_in_the_history_are_those_of_the_structure(make_task, shape):
    x, y = data(8, shape)
    model = half_pruned(make_task())
    history = fit(model, x, y, validation_data=(x, y), callbacks=[StructureHistory()])
    expected = expected_shares(model)
    assert expected["pruned"] > 0.1
    assert expected["weakened"] > 0.1
    evaluated = model.evaluate(x, y, verbose=0, return_dict=True)
    found = [history["weights_removed"][0], history["val_weights_removed"][0]]
    found.append(evaluated["weights_removed"])
    assert found == pytest.approx([expected["weights_removed"]] * 3, abs=1e-6)
    for name in NAMES[:3]:
        assert history[name] == pytest.approx([expected[name]], abs=1e-6)
    assert sum(history[name][0] for name in NAMES[:3]) == pytest.approx(1, abs=1e-6)


def test_an_epochs_line_has_the_share_of_weights_removed_alone():
    x, y = data(8)
    history = fit(half_pruned(), x, y, validation_data=(x, y))
    assert set(history) == {"loss", "val_loss", "weights_removed", "val_weights_removed"}


def test_nothing_removed_is_exactly_nothing():
    model = switched(convnet(), RowSwitcher(start="one"), alternation="task", rate=0.01)
    history = fit(model, *data(shape=(8, 8, 1)), epochs=2, callbacks=[StructureHistory()])
    for name in ("pruned", "weights_removed"):
        assert [str(value) for value in history[name]] == ["0.0", "0.0"]


def test_lists_of_results_are_those_of_the_task_network():
    x, y = data()
    model = switched(compiled={"metrics": ["accuracy"]})
    loss, accuracy = model.evaluate(x, y, verbose=0)
    named = model.evaluate(x, y, verbose=0, return_dict=True)
    assert (loss, accuracy) == pytest.approx((named["loss"], named["accuracy"]))
    assert len(model.test_on_batch(x, y)) == len(model.train_on_batch(x, y)) == 2


@pytest.mark.parametrize("make_task", [mlp, convnet])
def test_weights_removed_are_gone_from_the_compact_model(make_task):
    model = half_pruned(make_task())

    def kernels(network):
        weights = (w for layer in network.layers for w in layer.trainable_weights)
        return sum(np.prod(w.shape) for w in weights if len(w.shape) > 1)

    removed = 1 - kernels(model.compact()) / kernels(model.task)
    assert removed > 0.1
    assert removed == pytest.approx(expected_shares(model)["weights_removed"], abs=1e-6)
    after = model.structure().to_dict()["after"]
    assert count_parameters(model.compact()).total == after["parameters"]


def test_shares_are_means_over_the_batches_of_an_epoch():
    model = switched(switcher=FreeFactors(ceiling=None), rate=0.3)
    randomize(model.task.trainable_variables, seed=1)
    model.switcher.parameters.assign(np.linspace(0.01, 1, 12))  # Some of the first ones fall to 0.
    seen = []

    class Record(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(expected_shares(self.model)["weights_removed"])

    start = expected_shares(model)["weights_removed"]
    # The factors that a batch is trained with are those after the switcher's update, which are
    # the factors after the batch: free ones do not read the task network.
    history = fit(model, callbacks=[Record()])
    assert history["weights_removed"] == [pytest.approx(np.mean(seen), abs=1e-6)]
    assert len({start, *seen}) > 1


def test_csv_logger_writes_the_shares(tmp_path):
    model = half_pruned()
    logger = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    fit(model, validation_split=0.25, callbacks=[StructureHistory(), logger])
    (row,) = csv.DictReader((tmp_path / "log.csv").read_text().splitlines())
    expected = expected_shares(model)
    for name, value in expected.items():
        assert float(row[name]) == pytest.approx(value, abs=1e-6)
    assert float(row["val_weights_removed"]) == pytest.approx(expected["weights_removed"], abs=1e-6)


def test_reported_loss_is_the_task_loss_without_the_budget():
    x, y = data()
    budget = Budget(0.1, start_epoch=0, end_epoch=1e-9)
    model = switched(switcher=RowSwitcher(start="one"), budget=budget, alternation="joint")
    expected = float(crossentropy()(y, model(x)))
    history = fit(model, x, y, batch_size=32)
    assert history["loss"] == [pytest.approx(expected, rel=1e-6)]


class OwnLoss(SwitcherModel):
    """Its loss knows nothing of `training`, and no mean of it is among its metrics."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        return 2 * super().compute_loss(x, y, y_pred, sample_weight)

    @property
    def metrics(self):
        return []


@pytest.mark.parametrize("step", ["train_on_batch", "test_on_batch"])
def test_a_subclass_may_have_its_own_loss_and_metrics(step):
    x, y = data()
    model = OwnLoss(mlp(), alternation="joint")
    model.compile("sgd", crossentropy(), run_eagerly=True)
    expected = 2 * float(crossentropy()(y, model(x)))
    getattr(model, step)(x, y)
    assert float(model.mean_loss.result()) == pytest.approx(expected, rel=1e-5)


def test_a_callback_that_holds_the_model_sees_the_weights_of_its_batch(tmp_path):
    model, path, seen = switched(switcher=FreeFactors(seed=3), rate=0.5), tmp_path / "m.keras", []

    def record(batch, logs):
        seen.append(model.scaling_factors())
        kept = {
            name: counts["kept"] for name, counts in model.structure().to_dict()["groups"].items()
        }
        assert kept == {name: (factors > 0).sum() for name, factors in seen[-1].items()}
        model.save(path)
        saved = keras.saving.load_model(path)
        for name, factors in saved.scaling_factors().items():
            np.testing.assert_array_equal(factors, seen[-1][name])
        for one, other in zip(*(m.compact().get_weights() for m in (model, saved)), strict=True):
            np.testing.assert_array_equal(one, other)

    fit(model, callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=record)])
    for name, factors in model.scaling_factors().items():
        np.testing.assert_array_equal(factors, seen[-1][name])
        assert not np.array_equal(factors, seen[0][name])
