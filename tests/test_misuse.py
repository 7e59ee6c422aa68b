"""Mistakes in the use of a model are named, and leave it as it was."""

import subprocess
import sys

import keras
import pytest
from helpers.toys import crossentropy, data, fit, mlp, switched

from keras_switcher import StructureHistory, SwitcherModel, channel_groups


def test_loss_weights_and_metrics_by_position():
    model = SwitcherModel(mlp())
    model.compile("sgd", crossentropy(), None, ["accuracy"])
    assert "accuracy" in fit(model)


@pytest.mark.parametrize("name", ["task", "switcher", "groups", "connections"])
def test_what_the_gates_are_built_for_cannot_be_changed(name):
    model = switched()
    before = getattr(model, name)
    with pytest.raises(AttributeError, match=rf"`{name}` cannot be changed.*SwitcherModel\(task"):
        setattr(model, name, mlp())
    assert getattr(model, name) is before
    fit(model)


def test_switches_that_are_no_booleans():
    with pytest.raises(ValueError, match="`gradient_through_switcher` must be True or False"):
        SwitcherModel(mlp(), gradient_through_switcher="False")
    with pytest.raises(ValueError, match="`optimizer` says whether"):
        switched().compact(optimizer=keras.optimizers.Adam())


def test_files_that_cannot_hold_two_optimizers(tmp_path):
    with pytest.raises(ValueError, match=r"Save as a \.keras file.*model\.h5"):
        switched().save(tmp_path / "model.h5")
    assert not list(tmp_path.iterdir())


def test_a_network_whose_kernels_are_all_quantized():
    task = mlp()
    for name in ("hidden", "head"):
        task.get_layer(name).quantize("int8")
    with pytest.raises(ValueError, match=r"Quantized layers have none: \['hidden', 'head'\]"):
        SwitcherModel(task)


def test_history_of_a_model_without_structure():
    model = mlp()
    model.compile("sgd", crossentropy())
    with pytest.raises(ValueError, match="SwitcherModel has learned"):
        model.fit(*data(), verbose=0, callbacks=[StructureHistory()])


def test_a_switched_network_where_a_task_network_is_meant():
    with pytest.raises(ValueError, match="its attribute `task`"):
        channel_groups(SwitcherModel(mlp()))


def test_no_optimizer_is_named_and_leaves_the_model_compiled():
    model = switched()
    with pytest.raises(ValueError, match="`optimizer` is None"):
        model.compile(None, crossentropy())
    fit(model)


# In a process of its own: it is the first import that counts.
IMPORTING = """
import keras, keras_switcher, keras_switcher.pruning.surgery
keras_switcher.SwitcherModel
keras.config.set_floatx("float64")
layer = keras.layers.Dense(3)
layer.build((None, 4))
print(layer.dtype, layer.kernel.dtype, keras.layers.Layer().name, keras.Sequential().name)
"""


def test_importing_changes_nothing_of_keras():
    command = [sys.executable, "-c", IMPORTING]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["float64", "float64", "layer", "sequential"]
