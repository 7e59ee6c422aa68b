"""A recipe measures what it says, and an interrupted one goes on as if nothing had been."""

import json
import os
import signal
from dataclasses import replace

import keras
import numpy as np
import pytest

from recipes import datasets, training
from recipes.digits import RECIPE
from recipes.exporting import KERAS_FILE, SAVED_MODEL
from recipes.mnist_mlp import RECIPE as MNIST
from recipes.networks import TASKS, Task, load
from recipes.rows import of_backend

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

TASKS["tiny"] = Task(TASKS["digits"].network, lambda v, _: datasets.digits(v).smaller(200))
SHORT = replace(RECIPE.experiment.settings, epochs=4)
TINY = replace(RECIPE, experiment=replace(RECIPE.experiment, task="tiny", settings=SHORT))


@pytest.fixture(autouse=True)
def interruptible():
    """A shell starts what runs in its background with Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _interrupt(monkeypatch, epoch, network):
    """Sends Ctrl-C in the middle of an epoch of one of the two trainings."""

    class Interrupting(training._Progress):
        def on_train_batch_end(self, batch, logs=None):
            if (self.epoch, type(self.model).__name__) == (epoch, network):
                os.kill(os.getpid(), signal.SIGINT)

        def on_epoch_begin(self, epoch, logs=None):
            super().on_epoch_begin(epoch)
            self.epoch = epoch

    monkeypatch.setattr(training, "_Progress", Interrupting)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """An uninterrupted run: its folder, and what it returned."""
    folder = tmp_path_factory.mktemp("finished")
    return folder, TINY.run(["--output", str(folder / "out"), "--rows", str(folder / "rows")])


def _outputs(folder):
    x = datasets.digits().held_out.x
    if keras.backend.backend() != "tensorflow":
        return keras.saving.load_model(folder / KERAS_FILE, compile=False).predict(x, verbose=0)
    import tensorflow as tf

    loaded = tf.saved_model.load(str(folder / SAVED_MODEL))
    return loaded.serve(x).numpy()


def test_an_interrupted_run_ends_as_an_uninterrupted_one(finished, tmp_path, monkeypatch, capsys):
    command = ["--output", str(tmp_path)]
    for epoch, network in ((2, "Sequential"), (3, "SwitcherModel")):
        with monkeypatch.context() as patch:
            _interrupt(patch, epoch, network)
            with pytest.raises(SystemExit) as stopped:
                TINY.run(command)
        assert stopped.value.code == 130
        assert "the same command goes on from there" in capsys.readouterr().err
    row = TINY.run(command)
    folder, expected = finished
    assert {**row, "seconds": 0} == {**expected, "seconds": 0}
    np.testing.assert_array_equal(_outputs(tmp_path), _outputs(folder / "out"))
    for picture in ("pattern.png", "counts.png"):
        assert (tmp_path / picture).read_bytes() == (folder / "out" / picture).read_bytes()
    assert not (tmp_path / "checkpoint").exists()


def test_the_row_says_what_is_true(finished):
    folder, row = finished
    data = datasets.digits().smaller(200)
    accuracy = np.mean(_outputs(folder / "out")[:200].argmax(1) == data.held_out.y)
    assert row["compact_accuracy"] == row["switched_accuracy"] == pytest.approx(accuracy)
    assert row["max_relative_difference"] <= 1e-5
    inputs, first, second = map(int, row["widths"].split("-"))
    kept = inputs * first + first * second + second * 10
    assert row["weights_removed"] == pytest.approx(1 - kept / 17_024, abs=1e-6)
    assert row["measured_on"] == "test"
    assert row["command"] == "python -m recipes.digits --seed 0"


def test_the_row_is_written_where_rows_are_kept(finished):
    folder, row = finished
    path = folder / "rows" / of_backend(f"{row['keras_switcher']}-seed-0")
    path = path.with_name(f"{path.name}.json")
    assert row[keras.backend.backend()]  # Its version.
    assert json.loads(path.read_text()) == row
    assert json.loads((folder / "out" / "result.json").read_text()) == row


@pytest.fixture
def random_mnist(monkeypatch):
    def parts(name, splits, data_dir):
        assert name == "mnist"
        generator = np.random.default_rng(0)
        for split in splits:
            read.append(split)
            pictures = generator.integers(0, 256, (600, 28, 28, 1), "uint8")
            yield datasets.Part(pictures, generator.integers(0, 10, 600))

    read = []
    monkeypatch.setattr(datasets, "_tfds", parts)
    load.cache_clear()
    yield read
    load.cache_clear()


def test_smoke_run_ends_with_one_line_of_json(random_mnist, tmp_path, capsys):
    common = ["--smoke", "--output", str(tmp_path / "out"), "--alternation", "task"]
    row = MNIST.run([*common, "--budget", "none", "--start", "one"])
    printed = capsys.readouterr().out
    assert json.loads(printed.splitlines()[-1]) == row
    assert printed.count("{") == 1
    assert row["epochs"] == 2
    assert row["widths"] == "784-300-100"
    assert random_mnist == ["train", "test"]
    # The same folder again: what the first run left is replaced.
    again = MNIST.run(
        [*common, "--validate", "--switcher", "frozen", "--start", "near_one", "--budget", "0.25"]
    )
    assert again["command"] == (
        "python -m recipes.mnist_mlp --seed 0 --switcher frozen --start near_one "
        "--alternation task --budget 0.25 --validate --smoke"
    )
    assert again["widths"] == "392-150-50"
    assert again["measured_on"] == "validation"
    assert json.loads((tmp_path / "out" / "result.json").read_text()) == again
    assert random_mnist[2:] == ["train[:50000]", "train[50000:]"]


def test_a_recipe_of_connections_draws_masks_and_goes_on(monkeypatch, tmp_path, capsys):
    command = ["--connections", "--budget", "0.5", "--output", str(tmp_path)]
    with monkeypatch.context() as patch:
        _interrupt(patch, 2, "SwitcherModel")
        with pytest.raises(SystemExit):
            TINY.run(command)
    capsys.readouterr()
    row = TINY.run(command)
    assert "masks.png, degrees.png, counts.png" in capsys.readouterr().out
    assert (tmp_path / "masks.png").exists()
    assert row["switched_accuracy"] == row["compact_accuracy"]
    assert "--connections" in row["command"]


def test_data_directory_without_the_data_set(tmp_path, capsys):
    pytest.importorskip("tensorflow_datasets", reason="TFDS reads MNIST, and needs TensorFlow")
    with pytest.raises(SystemExit):
        MNIST.run(["--data-dir", str(tmp_path), "--output", str(tmp_path / "out")])
    error = capsys.readouterr().err
    assert f"'{tmp_path}' does not hold the data set 'mnist'" in error
    assert f"tfds.load('mnist', data_dir='{tmp_path}')" in error
    assert not (tmp_path / "out").exists()


def test_output_folder_of_someone_else_is_left_alone(tmp_path, capsys):
    (tmp_path / "saved_model").mkdir()
    with pytest.raises(SystemExit):
        TINY.run(["--output", str(tmp_path)])
    assert "holds files that no recipe has written" in capsys.readouterr().err
    assert (tmp_path / "saved_model").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--switcher", "rows"], "invalid choice: 'rows'"),
        (["--budget", "2"], "must be a share between 0 and 1, not 2"),
        (["--epochs", "0"], "must be 1 or more, not 0"),
        (["--budget", "0.0001"], "cannot bring the weights down to 0.01%"),
    ],
)
def test_bad_options(arguments, words, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        TINY.run([*arguments, "--output", str(tmp_path)])
    assert stopped.value.code == 2
    assert words in capsys.readouterr().err
