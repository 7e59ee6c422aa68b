"""What Keras's users train with besides: logs of experiments, tuners, distillation."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_switcher as ks

# Other packages warn of their own deprecations.
pytestmark = pytest.mark.filterwarnings("default")


def task():
    return keras.Sequential(
        [keras.Input((8,)), layers.Dense(16, "relu", name="hidden"), layers.Dense(3, name="head")]
    )


def compiled(model, **options):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"], **options)
    return model


def switcher_model(keep=0.5, rate=0.02):
    model = ks.SwitcherModel(task(), alternation="joint", budget=ks.Budget(keep, end_epoch=2))
    return compiled(model, switcher_optimizer=keras.optimizers.Adam(rate))


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 240)
    return (rng.normal(size=(240, 8)) + 2 * np.eye(3, 8)[y]).astype("float32"), y


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def test_mlflow_logs_the_share_removed_of_each_epoch_and_keeps_compact_networks(data):
    mlflow = pytest.importorskip("mlflow")
    mlflow.set_tracking_uri("sqlite:///runs.db")
    model = switcher_model()
    with mlflow.start_run() as run:
        callbacks = [mlflow.keras.MlflowCallback(run)]
        history = model.fit(*data, epochs=3, verbose=0, callbacks=callbacks).history
        small = model.compact(budget=ks.Budget(0.5))
        saved = mlflow.keras.log_model(small, name="small")
    logged = mlflow.MlflowClient().get_metric_history(run.info.run_id, "weights_removed")
    assert [each.value for each in logged] == pytest.approx(history["weights_removed"])
    loaded = mlflow.keras.load_model(saved.model_uri)
    np.testing.assert_allclose(loaded(data[0]), small(data[0]), rtol=1e-6)


def test_weights_and_biases_logs_the_share_removed(data, monkeypatch):
    wandb = pytest.importorskip("wandb")
    from wandb.integration.keras import WandbMetricsLogger

    monkeypatch.setenv("WANDB_MODE", "offline")
    with wandb.init(project="pruning", dir=".") as run:
        model = switcher_model()
        history = model.fit(*data, epochs=2, verbose=0, callbacks=[WandbMetricsLogger()]).history
        logged = run.summary["epoch/weights_removed"]
    assert logged == pytest.approx(history["weights_removed"][-1])


def test_keras_tuner_scores_what_is_shipped_after_the_last_epoch(data):
    keras_tuner = pytest.importorskip("keras_tuner")
    pytest.importorskip("tensorboard")
    x, y = data
    found = {}

    class Search(keras_tuner.HyperModel):
        def build(self, parameters):
            return switcher_model(0.4, parameters.Choice("rate", [0.01, 0.05]))

        def fit(self, parameters, model, *args, **options):
            model.fit(*args, **options)
            small = compiled(model.compact(budget=ks.Budget(0.4)))
            assert model.structure(budget=ks.Budget(0.4)).removed("weights") >= 0.6
            score = small.evaluate(*data, verbose=0, return_dict=True)["accuracy"]
            found[parameters.get("rate")] = score
            return {"val_accuracy": score}

    objective = keras_tuner.Objective("val_accuracy", "max")
    tuner = keras_tuner.GridSearch(Search(), objective, directory=".", project_name="rates")
    tuner.search(x, y, epochs=4, verbose=0)
    best = tuner.get_best_hyperparameters()[0]
    assert found[best.get("rate")] == max(found.values())
    assert isinstance(tuner.hypermodel.build(best), ks.SwitcherModel)


def test_a_switcher_model_is_no_student(data):
    student = switcher_model()
    loss = keras.distillation.LogitsDistillation(temperature=2.0)
    distiller = compiled(keras.distillation.Distiller(task(), student, loss))
    with pytest.raises(ValueError, match="only its own fit"):
        distiller.fit(*data, epochs=1, verbose=0)
