"""Files: everything comes back, and training goes on as if it had never stopped."""

import json
import zipfile

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
    same,
    stepped,
    switched,
    values,
)
from keras import layers

from keras_switcher import Budget, SwitcherModel
from keras_switcher.switchers import FreeFactors, RowSwitcher


def scheduled():
    """Two optimizers with slots and a learning rate that depends on their own updates."""

    def rate():
        return keras.optimizers.schedules.CosineDecay(0.1, 40)

    return {
        "optimizer": keras.optimizers.Adam(rate()),
        "switcher_optimizer": keras.optimizers.SGD(rate(), momentum=0.9),
        "metrics": ["accuracy"],
    }


def deeper():
    hidden = [
        layers.Dense(size, "relu", name=name) for name, size in {"first": 8, "last": 6}.items()
    ]
    return keras.Sequential([keras.Input((4,)), *hidden, layers.Dense(3)])


def full_model(fit=fit, **kwargs):
    """A model that differs from the defaults in every argument, after three epochs."""
    budget = Budget(0.4, "macs", start_epoch=1, end_epoch=5)
    options = {"groups": lambda group: not group.is_input, "warmup_epochs": 1, "budget": budget}
    options |= {"gradient_through_switcher": False, "alternation": "epoch", "name": "everything"}
    model = switched(deeper(), RowSwitcher(units=5), compiled=scheduled(), **{**options, **kwargs})
    fit(model, epochs=3)
    return model


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A full model, for tests that only read it, and its file."""
    path = tmp_path_factory.mktemp("saved") / "full.keras"
    keras.utils.set_random_seed(1)
    model = full_model()
    model.save(path)
    return model, path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.keras"


def reloaded(model, path):
    model.save(path)
    return keras.saving.load_model(path)


def test_a_file_brings_back_everything(saved):
    model, path = saved
    loaded = keras.saving.load_model(path)
    assert same(values(model), values(loaded))
    assert int(loaded.optimizer.iterations) == int(loaded.switcher_optimizer.iterations) + 8 == 16
    for name in ("optimizer", "switcher_optimizer"):
        ours, theirs = getattr(model, name), getattr(loaded, name)
        assert type(ours) is type(theirs)
        assert float(ours.learning_rate) == float(theirs.learning_rate) < 0.1
    ours, theirs = model.get_config(), loaded.get_config()
    names = [
        [layer["config"]["name"] for layer in config.pop("task")["config"]["layers"]]
        for config in (ours, theirs)
    ]
    assert names[0] == names[1]
    assert ours == theirs
    assert theirs["groups"] == ["first", "last"], "a predicate is saved as the names it chose"
    assert theirs["budget"]["config"]["of"] == "macs"
    assert same(model.factors().values(), loaded.factors().values())
    x, y = data()
    assert loaded.evaluate(x, y, verbose=0) == pytest.approx(model.evaluate(x, y, verbose=0))


@pytest.mark.parametrize("alternation", ["batch", "epoch", "joint"])
def test_training_goes_on_where_it_was(alternation, path):
    model = full_model(stepped, alternation=alternation)
    loaded = reloaded(model, path)
    for each in (model, loaded):
        stepped(each, epochs=2)
    assert furthest(values(model), values(loaded)) < 1e-6
    assert float(loaded.epochs_seen.value) == 5


def test_a_model_with_another_switcher_and_normalisation(path):
    x, y = data(16, (8, 8, 1))
    model = switched(convnet(), FreeFactors("half_zeros", seed=1), groups="dense")
    fit(model, x, y)
    loaded = reloaded(model, path)
    np.testing.assert_array_equal(model.predict(x, verbose=0), loaded.predict(x, verbose=0))
    assert model.structure().to_dict() == loaded.structure().to_dict()


def test_an_uncompiled_model(path):
    model = SwitcherModel(mlp())
    loaded = reloaded(model, path)
    assert same(model.weights, loaded.weights)
    assert not loaded.compiled


def test_loss_scales_come_back(path):
    keras.config.set_dtype_policy("mixed_float16")
    model = switched()
    fit(model)
    model.switcher_optimizer.dynamic_scale.assign(77.0)
    loaded = reloaded(model, path)
    assert float(loaded.switcher_optimizer.dynamic_scale) == 77.0
    assert same(values(model), values(loaded))
    assert {v.dtype for v in loaded.switcher.variables} == {"float32"}


def test_weights_of_another_run_of_the_same_network(saved, tmp_path):
    file = tmp_path / "run.weights.h5"
    (first, _), second = saved, full_model()
    assert not same(values(first), values(second))
    first.save_weights(file)
    second.load_weights(file)
    assert same(values(first), values(second))


def test_a_newer_file_is_refused_in_words(saved, tmp_path):
    _, path = saved
    newer = tmp_path / "newer.keras"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(newer, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                config = json.loads(content)
                assert config["config"]["format"] == 1
                config["config"]["format"] = 2
                content = json.dumps(config)
            new.writestr(name, content)
    with pytest.raises(Exception, match=r"format 2.*reads 1.*newer"):
        keras.saving.load_model(newer)


@pytest.mark.parametrize("version", [True, "1", 0, -1, 1.0, None, [1]])
def test_a_format_that_is_no_number_of_one_is_refused_in_words(version):
    config = SwitcherModel(mlp()).get_config()
    with pytest.raises(ValueError, match=r"a whole number from 1 on.*was not written by"):
        SwitcherModel.from_config({**config, "format": version})


OTHERS = {
    "wider": lambda: switched(mlp(units=9)),
    "more classes": lambda: switched(mlp(classes=4)),
    "another switcher": lambda: switched(mlp(), FreeFactors()),
    "no switcher": mlp,
}


@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
@pytest.mark.parametrize("other", OTHERS)
def test_a_checkpoint_of_another_network_changes_nothing(other, tmp_path):
    file = tmp_path / "other.weights.h5"
    OTHERS[other]().save_weights(file)
    model = switched(mlp(), compiled=scheduled(), name="mine")
    fit(model)
    before = values(model)
    with pytest.raises(ValueError, match=r"other\.weights\.h5 does not hold weights of 'mine'"):
        model.load_weights(file)
    assert same(before, values(model))
    fit(model)  # And it is still good for training.


def test_a_damaged_checkpoint_changes_nothing(tmp_path):
    file = tmp_path / "damaged.weights.h5"
    model = switched()
    model.save_weights(file)
    file.write_bytes(file.read_bytes()[:2000])
    before = values(model)
    with pytest.raises(OSError, match=r"truncated|open file"):
        model.load_weights(file)
    assert same(before, values(model))


def test_the_compile_arguments_come_back(saved):
    _, path = saved
    loaded = keras.saving.load_model(path)
    assert loaded.get_compile_config()["loss"]["class_name"] == type(crossentropy()).__name__
    assert "accuracy" in loaded.evaluate(*data(), verbose=0, return_dict=True)
