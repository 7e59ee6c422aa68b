"""Files of models, and the command line run in this process."""

import json

import keras
import numpy as np
import pytest
from keras import layers

import keras_switcher as ks

pytest.importorskip("typer")


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Runs the command line in an empty folder; returns exit code, output and errors."""
    from keras_switcher.cli.app import run as run_command

    monkeypatch.chdir(tmp_path)

    def run_here(*arguments):
        capsys.readouterr()
        code = run_command([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run_here


@pytest.fixture
def run_json(run):
    """Runs a command that has to succeed with `--json`; returns what it printed."""

    def run_here(*arguments):
        code, out, err = run(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)

    return run_here


@pytest.fixture
def model():
    """A small network for images, compiled with a loss."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1), name="images"),
            layers.Conv2D(8, 3, activation="relu", name="conv"),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(6, "relu", name="hidden"),
            layers.Dense(3, name="head"),
        ]
    )
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


@pytest.fixture
def saved(model, tmp_path):
    """That network as a file."""
    model.save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


@pytest.fixture
def switcher_model(model):
    """A SwitcherModel of that network, some of whose channels are off."""
    switcher_model = ks.SwitcherModel(model, ks.switchers.FreeFactors(), groups=["conv", "hidden"])
    factors = [1, 0.5, 0, 1, 0, 1, 1, 1, 1, 0, 0, 1, 1, 2]
    switcher_model.switcher.parameters.assign(np.array(factors, "float32"))
    return switcher_model
