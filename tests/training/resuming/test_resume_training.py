"""A training that ended early goes on as if it had not."""

import json

import keras
import numpy as np
import pytest
from helpers.killed import train
from helpers.lengths import long_but
from helpers.resumed import FILE, Kill, Killed, all_values, fit, plain, started, switching
from helpers.toys import convnet, data, mlp, same, values

from keras_switcher import ResumeTraining, StructureHistory
from keras_switcher.random_generators import generator_states, restore_generators
from keras_switcher.switchers import L0


@pytest.mark.long
def test_keras_own_callback_suffices_where_nothing_is_killed_while_it_saves(tmp_path):
    def backup():
        return keras.callbacks.BackupAndRestore(tmp_path / "backup")

    with pytest.raises(Killed):
        train("joint", "convnet", [backup(), Kill()], short=True)
    resumed, _ = train("joint", "convnet", [backup()], short=True)
    whole, _ = train("joint", "convnet", [], short=True)
    assert same(values(resumed), values(whole))
    assert float(whole.epochs_seen) == 6


MODELS = {
    "plain": plain,
    "averaged": lambda: plain(keras.optimizers.SGD(0.1, momentum=0.9, use_ema=True)),
    "float16": lambda: plain(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam())),
    "bfloat16": lambda: plain(task=mlp(dtype="bfloat16")),
    "switched": lambda: switching(mlp(), warmup_epochs=1),
    "drawn": lambda: switching(mlp(), L0(strength=9.0, seed=1), warmup_epochs=1),
}


@pytest.mark.parametrize("name", long_but(("averaged", "switched", "drawn"), MODELS))
def test_a_training_in_parts_is_the_whole_one(name, tmp_path):
    with pytest.raises(Killed):
        fit(started(MODELS[name]), tmp_path / "parts", callbacks=[Kill()])
    assert ResumeTraining(tmp_path / "parts").epochs_done() == 3
    parts = fit(resumed := started(MODELS[name]), tmp_path / "parts")
    one = fit(whole := started(MODELS[name]), tmp_path / "whole")
    assert same(all_values(resumed), all_values(whole))
    assert parts.epoch == one.epoch == [0, 1, 2, 3]
    assert parts.history == one.history
    assert len(one.history["val_loss"]) == 4


def without_generators(path):
    """Writes a checkpoint as version 0.2.4 did."""
    with np.load(path) as file:
        arrays = dict(file)
    record = json.loads(str(arrays["record"]))
    del record["generators"]
    np.savez(path, **{**arrays, "record": np.array(json.dumps(record))})


def test_checkpoints_without_the_states_of_generators_are_read(tmp_path):
    fit(started(plain), tmp_path, 2)
    without_generators(tmp_path / FILE)
    assert fit(started(plain), tmp_path, 3).epoch == [0, 1, 2]


@pytest.mark.only("torch", reason="Under others what is drawn without a seed is in no generator.")
def test_generators_go_on_from_their_states():
    before = generator_states()
    first = keras.ops.convert_to_numpy(dropped())
    assert (keras.ops.convert_to_numpy(dropped()) != first).any()
    restore_generators({**before, "another device": "00"})
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(dropped()), first)


def dropped():
    return keras.layers.Dropout(0.5)(np.ones((8, 8), "float32"), training=True)


def test_a_finished_training_is_not_run_again(tmp_path):
    first, second = started(plain), started(plain)
    one = fit(first, tmp_path)
    content = (tmp_path / FILE).read_bytes()
    again = fit(second, tmp_path)
    assert again.history == one.history
    assert same(all_values(first), all_values(second))
    assert (tmp_path / FILE).read_bytes() == content
    plain_fit = second.fit(*data(8), epochs=2, verbose=0)
    assert plain_fit.epoch == [0, 1], "a later fit() without the callback starts at its own epoch"


def test_more_epochs_go_on_in_the_same_process_and_in_another(tmp_path):
    fit(whole := started(plain), tmp_path / "whole", 4)
    fit(here := started(plain), tmp_path / "parts", 2)
    fit(here, tmp_path / "parts", 3)
    history = fit(there := started(plain), tmp_path / "parts", 4)
    assert same(all_values(there), all_values(whole))
    assert history.epoch == [0, 1, 2, 3]


def test_the_structure_history_comes_along(tmp_path):
    def run(folder, epochs):
        model, history = started(switching), StructureHistory()
        fit(model, folder, epochs, [history], ResumeTraining(folder, history))
        return history.epochs

    run(tmp_path / "parts", 2)
    assert run(tmp_path / "parts", 4) == run(tmp_path / "whole", 4)


def test_a_rate_that_a_callback_lowered_comes_back(tmp_path):
    def lower(epoch, rate):
        return rate / 2

    def scheduler():
        return [keras.callbacks.LearningRateScheduler(lower)]

    fit(started(plain), tmp_path / "parts", 2, scheduler())
    fit(resumed := started(plain), tmp_path / "parts", 4, scheduler())
    fit(whole := started(plain), tmp_path / "whole", 4, scheduler())
    assert same(all_values(resumed), all_values(whole))
    assert float(resumed.optimizer.learning_rate) == pytest.approx(0.01 / 16)


def no_bytes(patch):
    def write(file, **arrays):
        file.write(b"half")
        raise Killed

    patch.setattr("numpy.savez", write)


def no_sync(patch):
    def fsync(_):
        raise OSError(28, "No space left on device")

    patch.setattr("os.fsync", fsync)


def no_name(patch):
    def replace(*_):
        raise Killed

    patch.setattr("pathlib.Path.replace", replace)


@pytest.mark.parametrize("moment", [no_bytes, no_sync, no_name])
def test_a_save_that_fails_leaves_the_one_before(moment, tmp_path, monkeypatch):
    fit(started(plain), tmp_path, 2)
    content = (tmp_path / FILE).read_bytes()
    model = started(plain)
    with monkeypatch.context() as patch:
        moment(patch)
        with pytest.raises((Killed, OSError)):
            fit(model, tmp_path, 3)
    assert (tmp_path / FILE).read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_what_killed_saves_left_is_deleted(tmp_path):
    left = tmp_path / f"{FILE}.0123456789ab.unfinished"
    left.mkdir()
    (left / FILE).write_text("half")
    (tmp_path / "mine").write_text("precious")
    fit(started(plain), tmp_path, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == [FILE, "mine"]


def test_an_epoch_that_diverged_is_not_saved(tmp_path):
    fit(started(plain), tmp_path, 1)
    content = (tmp_path / FILE).read_bytes()
    stop = keras.callbacks.TerminateOnNaN()
    fit(started(plain), tmp_path, 3, [stop], sample_weight=np.full(8, np.nan))
    assert (tmp_path / FILE).read_bytes() == content


def test_statistics_of_normalisations_come_back(tmp_path):
    x, y = data(8, (8, 8, 1))
    models = [started(plain, task=convnet()) for _ in range(2)]
    for model in models:
        model.fit(x, y, verbose=0, callbacks=[ResumeTraining(tmp_path)])
    assert same(all_values(models[0]), all_values(models[1]))
