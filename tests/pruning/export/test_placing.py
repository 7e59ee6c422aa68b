"""An exported network runs with TensorFlow alone, and nothing is overwritten."""

import os
import re
import resource
import subprocess
import sys

import keras
import numpy as np
import pytest
from helpers.checks import check_close, draw_inputs, masks_for, with_random_weights
from helpers.networks import lenet5, mlp

from keras_switcher import prune_channels
from keras_switcher.pruning.export import export_model, exporting
from keras_switcher.pruning.export.packages import WRITERS

SAVED_MODEL = pytest.mark.only("tensorflow", reason="TensorFlow writes SavedModel and LiteRT.")
OF_ONNX = re.escape(WRITERS.get(("onnx", keras.backend.backend()), "keras-switcher[onnx]"))
EXPORTERS = ["tf2onnx", "onnx", "jax2onnx", "onnxscript"]

RUN = """
import sys
sys.modules["keras"] = sys.modules["keras_switcher"] = None  # Importing either fails.
import numpy as np
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
np.save(sys.argv[3], model.serve(np.load(sys.argv[2])).numpy())
"""


def compact():
    model = with_random_weights(lenet5((6, 8), (9, 4), size=20))
    return model, prune_channels(model, *masks_for(model))


@SAVED_MODEL
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


@SAVED_MODEL
def test_empty_folder_is_used(tmp_path):
    _, small = compact()
    export_model(small, tmp_path)
    assert (tmp_path / "saved_model.pb").exists()


def small(sizes=(4, 3, 2)):
    return prune_channels(mlp(sizes), {})


def everything_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def half_of(error):
    """An export that stops in the middle."""

    def export(self, filepath, **kwargs):
        os.makedirs(f"{filepath}/variables")
        with open(f"{filepath}/saved_model.pb", "wb") as file:
            file.write(b"half")
        raise error

    return export


@pytest.mark.parametrize("target", ["saved", "new/folders/saved", "empty", "small.tflite"])
@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("the converter does not know an operation"),
        OSError(28, "No space left on device"),
        MemoryError(),
        KeyboardInterrupt(),
    ],
)
def test_an_export_that_fails_leaves_nothing_behind(target, error, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    (tmp_path / "mine").write_text("precious")
    monkeypatch.setattr(keras.Model, "export", half_of(error))
    with pytest.raises(type(error)):
        export_model(small(), tmp_path / target, verify=False)
    assert everything_in(tmp_path) == ["empty", "mine"]
    assert (tmp_path / "mine").read_text() == "precious"


@SAVED_MODEL
@pytest.mark.parametrize(("name", "format"), [("saved", "tf_saved_model"), ("a.tflite", "litert")])
def test_a_disk_that_is_full_in_earnest(name, format, tmp_path):
    model, limit = small((40, 30, 20)), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limit[1]))
    try:
        with pytest.raises(Exception, match="File too large"):  # TensorFlow has errors of its own.
            export_model(model, tmp_path / name, format)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert everything_in(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "format", "cause"),
    [
        ("small", "tensorrt", "Unrecognized format"),
        pytest.param("small.lite", "litert", "end with '.tflite'", marks=SAVED_MODEL),
        ("small", "openvino", "xml"),
    ],
)
def test_a_format_or_a_name_that_keras_does_not_take(name, format, cause, tmp_path):
    with pytest.raises(ValueError, match=cause):
        export_model(small(), tmp_path / "new" / name, format, verify=False)
    assert everything_in(tmp_path) == []


def test_no_other_file_of_the_format_is_overwritten(tmp_path, monkeypatch):
    def export(self, filepath, **kwargs):
        for path in (filepath, f"{filepath[:-3]}bin"):
            with open(path, "w") as file:
                file.write("new")

    monkeypatch.setattr(keras.Model, "export", export)
    monkeypatch.setattr(exporting, "keep_names", lambda *args: None)  # It is no such file.
    (tmp_path / "small.bin").write_text("precious")
    with pytest.raises(ValueError, match=r"small\.bin exists already and was left as it is"):
        export_model(small(), tmp_path / "small.xml", "openvino", verify=False)
    assert everything_in(tmp_path) == ["small.bin"]
    assert (tmp_path / "small.bin").read_text() == "precious"
    report = export_model(small(), tmp_path / "other.xml", "openvino", verify=False)
    assert everything_in(tmp_path) == ["other.bin", "other.xml", "small.bin"]
    assert (report.size, report.difference) == (6, None)


@SAVED_MODEL
def test_a_file_does_not_take_the_place_of_an_empty_folder(tmp_path):
    path = tmp_path / "small.tflite"
    path.mkdir()
    with pytest.raises(ValueError, match="exists already and was left as it is"):
        export_model(small(), path, "litert")
    assert everything_in(tmp_path) == ["small.tflite"]
    assert path.is_dir()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("format", "packages", "cause"),
    [
        ("onnx", EXPORTERS, f"'onnx' needs another package.*{OF_ONNX}"),
        ("openvino", ["openvino"], r"'openvino' needs another package.*keras-switcher\[openvino\]"),
    ],
)
def test_missing_package_is_named(format, packages, cause, tmp_path, monkeypatch):
    for package in packages:
        monkeypatch.setitem(sys.modules, package, None)
    path = tmp_path / f"small.{'xml' * (format != 'onnx')}"
    with pytest.raises(ImportError, match=cause):
        export_model(small(), path, format, verify=False)
    assert everything_in(tmp_path) == []


@pytest.mark.parametrize(
    ("format", "packages", "extra"),
    [
        ("tf_saved_model", ["tensorflow"], "tensorflow"),
        ("litert", ["ai_edge_litert.interpreter", "tensorflow"], "keras-switcher[litert]"),
        ("onnx", ["onnxruntime"], "keras-switcher[onnx]"),
        ("openvino", ["openvino"], "keras-switcher[openvino]"),
    ],
)
def test_missing_package_that_runs_a_format_is_named(
    format, packages, extra, tmp_path, monkeypatch
):
    for package in packages:
        monkeypatch.setitem(sys.modules, package, None)
    cause = f"'{format}' is run by .*pip install '{re.escape(extra)}'.*verify=False writes"
    with pytest.raises(ImportError, match=cause):
        export_model(small(), tmp_path / "small", format)
    assert everything_in(tmp_path) == []


@SAVED_MODEL
@pytest.mark.parametrize("name", ["a[1].tflite", "a*b.tflite"])
def test_a_report_has_the_size_of_the_file_whatever_its_name(name, tmp_path):
    _, small = compact()
    report = export_model(small, tmp_path / name, "litert")
    assert report.size == (tmp_path / name).stat().st_size > 0


@SAVED_MODEL
def test_a_folder_that_tensorflow_takes_for_a_pattern_is_refused(tmp_path):
    _, small = compact()
    with pytest.raises(ValueError, match=r"takes \[ in the path of a SavedModel for a pattern"):
        export_model(small, tmp_path / "a[1]")
    assert not list(tmp_path.iterdir())
