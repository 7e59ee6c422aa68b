"""An exported network runs with TensorFlow alone, and nothing is overwritten."""

import subprocess
import sys

import numpy as np
import pytest
from checks import check_close, draw_inputs, masks_for, randomise
from networks import lenet5

from keras_switcher import prune_channels
from keras_switcher.export import export_model

RUN = """
import sys
sys.modules["keras"] = sys.modules["keras_switcher"] = None  # Importing either fails.
import numpy as np
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
np.save(sys.argv[3], model.serve(np.load(sys.argv[2])).numpy())
"""


def compact():
    model = randomise(lenet5((6, 8), (9, 4), size=20))
    return model, prune_channels(model, *masks_for(model))


def test_saved_model_runs_without_keras_and_without_this_package(tmp_path):
    _, small = compact()
    x = draw_inputs(small)
    export_model(small, tmp_path / "saved")
    np.save(tmp_path / "x.npy", x)
    paths = [tmp_path / name for name in ("saved", "x.npy", "y.npy")]
    subprocess.run([sys.executable, "-c", RUN, *map(str, paths)], check=True, cwd=tmp_path)
    check_close(np.load(tmp_path / "y.npy"), small(x), "exported, TensorFlow alone")


def test_nothing_is_overwritten(tmp_path):
    _, small = compact()
    file, folder = tmp_path / "file", tmp_path / "folder"
    folder.mkdir()
    for path, there in [(file, file), (folder, folder / "mine")]:
        there.write_bytes(b"precious")
        with pytest.raises(ValueError, match=f"{path.name} exists already and was left as it is"):
            export_model(small, path)
        assert there.read_bytes() == b"precious"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder", "mine"]


def test_empty_folder_is_used(tmp_path):
    _, small = compact()
    export_model(small, tmp_path)
    assert (tmp_path / "saved_model.pb").exists()


def test_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"'onnx' needs another package.*keras-switcher\[onnx\]"):
        export_model(compact()[1], tmp_path / "small.onnx", format="onnx")
