"""Bad input gets an error that says what is wrong and what to do, and nothing is lost."""

import keras
import numpy as np
import pytest
from helpers.toys import data, fit, mlp, same, switched, values
from keras import layers

from keras_switcher import SwitcherModel
from keras_switcher.switchers import FreeFactors, RowSwitcher, Switcher


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"switcher": "rows"}, r"'row'.*Received: switcher='rows'"),
        ({"switcher": RowSwitcher}, r"Received: switcher=<class"),
        ({"groups": "convs"}, r"'all', 'dense', 'conv'.*Received: groups='convs'"),
        ({"groups": ["hiden"]}, r"'hiden' names no channel group or layer.*'hidden'"),
        ({"groups": ["head"]}, r"'head' cannot be pruned: its channels are the model's output"),
        ({"groups": None}, r"'all', 'dense', 'conv'.*Received: groups=None"),
        ({"groups": []}, r"chooses no channel group.*'hidden', 'hidden/inputs'"),
        ({"groups": lambda group: False}, r"chooses no channel group.*'hidden'"),
        ({"alternation": "batches"}, r"'batch', 'epoch', 'joint', 'task', 'switcher'.*'batches'"),
        ({"warmup_epochs": -1}, r"0 or more.*warmup_epochs=-1"),
        ({"warmup_epochs": True}, r"0 or more.*warmup_epochs=True"),
        ({"warmup_epochs": 0.5}, r"warmup_epochs=0\.5"),
    ],
)
def test_unknown_options(arguments, message):
    with pytest.raises(ValueError, match=message):
        SwitcherModel(mlp(), **{"switcher": FreeFactors(), **arguments})


def test_unknown_alternation_later_on_changes_nothing():
    model = switched(alternation="joint")
    with pytest.raises(ValueError, match=r"'batch', 'epoch'.*Received: alternation='none'"):
        model.alternation = "none"
    assert model.alternation == "joint"


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.head = layers.Dense(3)

    def call(self, inputs):
        return self.head(inputs)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (lambda: keras.Sequential([layers.Dense(3)]), r"not built.*keras\.Input"),
        (lambda: keras.Sequential([]), "not built"),
        (Subclassed, r"subclassed model.*functional API"),
        (lambda: None, "Expected a Functional or Sequential keras.Model. Received: None"),
        (lambda: layers.Dense(3), "Expected a Functional or Sequential keras.Model"),
    ],
)
def test_a_task_that_cannot_be_read(task, message):
    with pytest.raises(ValueError, match=message):
        SwitcherModel(task())


OF_TENSORFLOW = pytest.mark.only("tensorflow", reason="tf.data is TensorFlow's.")


@pytest.mark.parametrize("method", ["fit", "evaluate"])
@pytest.mark.parametrize("as_dataset", [False, pytest.param(True, marks=OF_TENSORFLOW)])
@pytest.mark.parametrize("metrics", [[], ["accuracy"]])
def test_a_batch_without_labels(method, as_dataset, metrics):
    x, _ = data()
    if as_dataset:
        import tensorflow as tf

        x = tf.data.Dataset.from_tensor_slices(x).batch(4)
    model = switched()
    model.compile("sgd", model.loss, metrics=metrics)
    before = values(model.trainable_variables)
    options = {"shuffle": False} if method == "fit" else {}
    with pytest.raises(ValueError, match="batch without labels"):
        getattr(model, method)(x, verbose=0, **options)
    assert same(before, model.trainable_variables)


def broken():
    """Data that fail before the first batch."""
    raise RuntimeError("broken data")
    yield


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("given", [broken, lambda: data()[0][:, :2]], ids=["broken", "wrong shape"])
@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_an_error_in_the_first_batch_loses_no_weight(method, given, trained):
    x, y = data()
    model = switched()
    if trained:
        model.evaluate(x, y, verbose=0)
    learned = [*model.trainable_variables, *model.optimizer.variables]
    before, x = values(learned), given()
    arguments = (x,) if method == "predict" or given is broken else (x, y)
    options = {"shuffle": False} if method == "fit" else {}
    with pytest.raises(Exception, match=r"broken data|incompatible|[Ss]ize|[Ss]hape"):
        getattr(model, method)(*arguments, verbose=0, **options)
    assert same(before, learned)


def test_one_optimizer_for_both():
    model = switched()
    optimizer = keras.optimizers.SGD()
    with pytest.raises(ValueError, match=r"same object.*Pass two optimizers"):
        model.compile(optimizer, "mse", switcher_optimizer=optimizer)
    fit(model)  # It is still compiled as it was.
    model.compile("sgd", "mse", switcher_optimizer="sgd")
    assert model.optimizer is not model.switcher_optimizer


def test_fit_before_compile():
    with pytest.raises(ValueError, match="compile"):
        fit(SwitcherModel(mlp()))


def frozen():
    """A model in which NaN stays where it is: nothing is trained."""
    task = keras.Sequential([keras.Input((4,)), layers.Dense(8, name="hidden"), layers.Dense(3)])
    task.trainable = False
    return switched(task, FreeFactors("one", name="free"), alternation="task")


@pytest.mark.parametrize("network", ["task", "switcher"])
def test_a_loss_that_became_nan_is_named_with_the_weight(network):
    model = frozen()
    if network == "task":
        model.task.get_layer("hidden").bias.assign(np.full(8, np.nan))
    else:
        model.switcher.parameters.assign(np.full(12, np.nan))
    seen = []
    record = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    name = {"task": "'bias' of 'hidden'", "switcher": "'parameters' of 'free'"}[network]
    with pytest.raises(
        ValueError, match=rf"loss became nan, and a weight.*{name}, in epoch 1.*learning rate"
    ):
        fit(model, epochs=3, callbacks=[record])
    assert not seen, "a callback after it would save the broken weights"
    assert float(model.epochs_seen) == 0


def test_nan_in_the_data_is_told_from_nan_in_the_weights():
    x, y = data()
    x[5] = np.nan
    with pytest.raises(
        ValueError, match=r"The loss became nan, in epoch 1.*Look for NaN in the data"
    ):
        fit(frozen(), x, y)


@pytest.mark.parametrize("what", ["compact", "export"])
def test_weights_that_are_not_finite_are_not_exported(what, tmp_path):
    model = SwitcherModel(mlp(), FreeFactors("one"))
    model.task.get_layer("head").bias.assign([0.0, np.nan, 0.0])
    with pytest.raises(ValueError, match="'bias' of layer 'head' has 1 NaN"):
        model.compact() if what == "compact" else model.export(tmp_path / "model")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("what", ["compact", "structure", "plan"])
def test_factors_that_are_not_finite_are_named(what):
    model = SwitcherModel(mlp(), RowSwitcher())
    model.task.get_layer("hidden").kernel.assign(np.full((4, 8), np.nan, "float32"))
    with pytest.raises(
        ValueError, match=r"factors of 'hidden.*' are not finite.*earlier checkpoint"
    ):
        getattr(model, what)()


def test_a_group_with_nothing_left_is_named(tmp_path):
    model = SwitcherModel(mlp(), FreeFactors("one"))
    sizes = {name: len(factor) for name, factor in model.scaling_factors().items()}
    zero = np.concatenate([np.full(n, name != "hidden", "float32") for name, n in sizes.items()])
    model.switcher.parameters.assign(zero)
    for function in (model.compact, lambda: model.export(tmp_path / "model")):
        with pytest.raises(ValueError, match="Nothing is left of 'hidden'"):
            function()
    assert not list(tmp_path.iterdir())
    assert "nothing is left of 'hidden'" in str(model.structure()).lower()


def test_export_leaves_what_is_there(tmp_path):
    (tmp_path / "file").write_text("mine")
    model = SwitcherModel(mlp())
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(ValueError, match="exists already"):
            model.export(path)
    assert (tmp_path / "file").read_text() == "mine"
    with pytest.raises(ValueError, match=r"tf_saved_model.*onnx"):
        model.export(tmp_path / "new", format="savedmodel")


@pytest.mark.parametrize("round_to", [0, -2, 1.5, "4", True])
def test_round_to_must_be_a_positive_integer(round_to):
    with pytest.raises(ValueError, match="round_to"):
        SwitcherModel(mlp()).compact(round_to=round_to)


class Returns(Switcher):
    """Returns what it is given."""

    def __init__(self, factors):
        super().__init__()
        self.made = factors

    def call(self, records):
        return self.made


@pytest.mark.parametrize(
    ("made", "received"),
    [
        ([np.ones((8, 1))], r"\[\(8, 1\)\]"),
        ([], r"\[\]"),
        ([np.ones(8)] * 2, r"\(8,\), \(8,\)"),
        ([1], r"\[\(\)\]"),
        (np.ones(8), "ndarray"),
        ({"hidden": np.ones(8)}, "Dict"),
        (None, "NoneType"),
    ],
)
def test_factors_of_another_kind_number_or_shape_are_refused(made, received):
    model = SwitcherModel(mlp(), Returns(made), groups=["hidden"])
    with pytest.raises(ValueError, match=r"Expected: \{'hidden': \(8,\)\}.*" + received):
        model(data()[0])


def test_negative_factors_are_refused():
    factors = np.linspace(-1, 1, 8, dtype="float32")
    model = SwitcherModel(mlp(), Returns([factors]), groups=["hidden"])
    for ask in (model.plan, model.structure, model.compact):
        with pytest.raises(ValueError, match=r"returned negative factors for 'hidden'.*relu"):
            ask()


def test_a_switcher_without_a_call_is_named():
    class Nothing(Switcher):
        pass

    with pytest.raises(NotImplementedError, match=r"Nothing must implement call\(records\)"):
        SwitcherModel(mlp(), Nothing())(data()[0])


def test_a_failure_is_named_in_the_same_words_again():
    model, (x, y) = switched(), data()
    for _ in range(2):
        with pytest.raises(ValueError, match="batch without labels"):
            fit(model, x, None)
    fit(model, x, y)
    for _ in range(2):
        with pytest.raises(ValueError, match="batch without labels"):
            fit(model, x, None)


def test_an_optimizer_that_cannot_be_copied_needs_another():
    class Rate(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.1

    arguments = {"optimizer": keras.optimizers.SGD(Rate()), "switcher_optimizer": None}
    with pytest.raises(ValueError, match="Pass a `switcher_optimizer`"):
        switched(compiled=arguments)
    fit(switched(compiled={**arguments, "switcher_optimizer": "sgd"}))
