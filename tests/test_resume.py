"""A training that ended early goes on as if it had not: what is restored, and what is refused."""

import keras
import numpy as np
import pytest
from killed import train
from toys import convnet, crossentropy, data, mlp, same, switched, values

from keras_switcher import Budget, ResumeTraining, StructureHistory
from keras_switcher.switchers import FreeFactors

FILE = "checkpoint.npz"


class Killed(BaseException):
    """What no callback catches."""


class Kill(keras.callbacks.Callback):
    """Ends a training in the middle of its fourth epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self._epoch == 3:
            raise Killed


def all_values(model):
    optimizers = [model.optimizer, getattr(model, "switcher_optimizer", model.optimizer)]
    return values([*model.variables, *(v for each in optimizers for v in each.variables)])


def test_keras_own_callback_suffices_where_nothing_is_killed_while_it_saves(tmp_path):
    def backup():
        return keras.callbacks.BackupAndRestore(tmp_path / "backup")

    with pytest.raises(Killed):
        train("joint", "convnet", [backup(), Kill()], short=True)
    resumed, _ = train("joint", "convnet", [backup()], short=True)
    whole, _ = train("joint", "convnet", [], short=True)
    assert same(values(resumed), values(whole))
    assert float(whole.epochs_seen) == 6


def plain(optimizer=None, task=None, loss=None):
    """A compiled Keras model with a Dropout and two random layers inside a nested one."""
    inner = keras.Sequential([keras.layers.GaussianNoise(0.1), keras.layers.Dropout(0.3)])
    task = task or keras.Sequential([keras.Input((4,)), mlp(), inner, keras.layers.Dense(3)])
    optimizer = optimizer or keras.optimizers.Adam(0.01)
    task.compile(optimizer, loss or crossentropy(), run_eagerly=True)
    return task


def switching(*args, **kwargs):
    """A compiled SwitcherModel."""
    return switched(*args, compiled={"run_eagerly": True}, **kwargs)


def fit(model, folder, epochs=4, callbacks=(), resume=None, **kwargs):
    x, y = data(8)
    resume = resume or ResumeTraining(folder)
    kwargs = {"validation_data": (x, y), "shuffle": False, "verbose": 0, **kwargs}
    return model.fit(x, y, 4, epochs=epochs, callbacks=[*callbacks, resume], **kwargs)


def started(make, *args, **kwargs):
    keras.utils.set_random_seed(3)
    return make(*args, **kwargs)


MODELS = {
    "plain": plain,
    "averaged": lambda: plain(keras.optimizers.SGD(0.1, momentum=0.9, use_ema=True)),
    "float16": lambda: plain(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam())),
    "bfloat16": lambda: plain(task=mlp(dtype="bfloat16")),
    "switched": lambda: switching(mlp(), warmup_epochs=1),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_training_in_parts_is_the_whole_one(name, tmp_path):
    with pytest.raises(Killed):
        fit(started(MODELS[name]), tmp_path / "parts", callbacks=[Kill()])
    assert ResumeTraining(tmp_path / "parts").epochs_done() == 3
    resumed, whole = started(MODELS[name]), started(MODELS[name])
    parts, one = fit(resumed, tmp_path / "parts"), fit(whole, tmp_path / "whole")
    assert same(all_values(resumed), all_values(whole))
    assert parts.epoch == one.epoch == [0, 1, 2, 3]
    assert parts.history == one.history
    assert len(one.history["val_loss"]) == 4


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
    whole, here, there = (started(plain) for _ in range(3))
    fit(whole, tmp_path / "whole", 4)
    fit(here, tmp_path / "parts", 2)
    fit(here, tmp_path / "parts", 3)
    history = fit(there, tmp_path / "parts", 4)
    assert same(all_values(there), all_values(whole))
    assert history.epoch == [0, 1, 2, 3]


def test_the_structure_history_comes_along(tmp_path):
    def run(folder, epochs):
        model, history = started(switching), StructureHistory()
        fit(model, folder, epochs, [history], ResumeTraining(folder, history))
        return history.epochs

    run(tmp_path / "parts", 2)
    assert run(tmp_path / "parts", 4) == run(tmp_path / "whole", 4)


def test_a_structure_history_that_would_not_be_whole_is_refused(tmp_path):
    model, history = switching(), StructureHistory()
    resume = ResumeTraining(tmp_path, history)
    with pytest.raises(ValueError, match="Put it before ResumeTraining"):
        model.fit(*data(8), verbose=0, callbacks=[resume, history])
    fit(model, tmp_path, 2)
    with pytest.raises(ValueError, match="saved without a StructureHistory"):
        fit(model, tmp_path, 4, [history], resume)


def test_a_rate_that_a_callback_lowered_comes_back(tmp_path):
    def lower(epoch, rate):
        return rate / 2

    def scheduler():
        return [keras.callbacks.LearningRateScheduler(lower)]

    fit(started(plain), tmp_path / "parts", 2, scheduler())
    resumed, whole = started(plain), started(plain)
    fit(resumed, tmp_path / "parts", 4, scheduler())
    fit(whole, tmp_path / "whole", 4, scheduler())
    assert same(all_values(resumed), all_values(whole))
    assert float(resumed.optimizer.learning_rate) == pytest.approx(0.01 / 16)


def budget(**changes):
    return {"budget": Budget(**{"keep": 0.5, "end_epoch": 3, **changes})}


# What the checkpoint is of, what is to be trained, and what the message names.
OTHERS = {
    "wider": (plain, lambda: plain(task=mlp(9)), "layer"),
    "an optimizer of another kind": (plain, lambda: plain(keras.optimizers.SGD(0.01)), "SGD"),
    "another rate": (plain, lambda: plain(keras.optimizers.Adam(0.02)), "learning_rate: 0.0"),
    "another loss": (plain, lambda: plain(loss="mse"), "loss: 'SparseCategoricalCrossentropy'"),
    "another activation": (
        lambda: plain(task=mlp()),
        lambda: plain(task=mlp(activity_regularizer="l2")),
        "activity_regularizer",
    ),
    "a network that is not switched": (lambda: plain(task=mlp()), switching, "alternation: None"),
    "another switcher": (switching, lambda: switching(mlp(), FreeFactors()), "'RowSwitcher' there"),
    "another alternation": (switching, lambda: switching(alternation="joint"), "'batch' there"),
    "no budget": (lambda: switching(**budget()), switching, "budget.keep: 0.5 there, None here"),
    "another budget": (
        lambda: switching(**budget()),
        lambda: switching(**budget(keep=0.4)),
        "budget.keep: 0.5 there, 0.4 here",
    ),
    "another warm-up": (switching, lambda: switching(warmup_epochs=2), "warmup_epochs: 0 there"),
    "other groups": (switching, lambda: switching(groups=["hidden"]), "sizes of groups"),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The folder in which a training of one epoch has left its checkpoint, by what makes it."""
    folders = {}

    def folder_of(make):
        if make not in folders:
            folders[make] = tmp_path_factory.mktemp("saved")
            fit(started(make), folders[make], 1, validation_data=None)
        return folders[make]

    return folder_of


@pytest.mark.parametrize("name", OTHERS)
def test_a_checkpoint_of_another_training_changes_nothing(name, saved):
    make, make_other, cause = OTHERS[name]
    folder, model = saved(make), make_other()
    content, before = (folder / FILE).read_bytes(), values(model.variables)
    with pytest.raises(ValueError, match=f"(?s)checkpoint of another training.*{cause}"):
        fit(model, folder)
    assert same(before, model.variables)
    assert (folder / FILE).read_bytes() == content
    assert [path.name for path in folder.iterdir()] == [FILE]


def test_a_checkpoint_of_more_epochs_is_refused(tmp_path):
    fit(started(plain), tmp_path, 3)
    model = plain()
    before = values(model.variables)
    with pytest.raises(ValueError, match=r"has 3 epochs, more than fit\(\) is to train: epochs=2"):
        fit(model, tmp_path, 2)
    assert same(before, model.variables)


class Lazy(keras.layers.Layer):
    """An own layer that cannot describe itself, with settings that are seen by no one."""

    def __init__(self, entries):
        super().__init__()
        self._entries = entries

    def get_config(self):
        raise AttributeError("no entries")

    def build(self, shape):
        self.offset = self.add_weight(shape=(self._entries,))

    def call(self, inputs):
        return inputs + self.offset[:3]


def lazy(entries):
    return plain(task=keras.Sequential([keras.Input((3,)), Lazy(entries)]))


def test_own_layers_of_another_shape_are_refused_by_their_variables(tmp_path):
    x, y = data(8, (3,))
    lazy(3).fit(x, y, verbose=0, callbacks=[ResumeTraining(tmp_path)])
    model = lazy(4)
    before = values(model.variables)
    with pytest.raises(ValueError, match=r"variables, .*first that differs.*\[3\].*\[4\]"):
        model.fit(x, y, verbose=0, callbacks=[ResumeTraining(tmp_path)])
    assert same(before, model.variables)


def half(path):
    path.write_bytes(path.read_bytes()[:2000])


def nothing(path):
    path.write_bytes(b"")


def text(path):
    path.write_text("{}")


def flipped(path):
    content = bytearray(path.read_bytes())
    content[-len(content) // 2] ^= 255
    path.write_bytes(content)


def unknown_compression(path):
    """One wrong bit in the archive's table of contents."""
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 10] ^= 1
    path.write_bytes(content)


def other_format(path):
    with np.load(path) as file:
        arrays = dict(file)
    arrays["record"] = np.array(str(arrays["record"]).replace('"format": 1', '"format": true'))
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    "damage", [half, nothing, text, flipped, unknown_compression, other_format]
)
def test_a_damaged_file_is_named_and_changes_nothing(damage, tmp_path):
    fit(started(switching), tmp_path, 1)
    damage(tmp_path / FILE)
    model = switching()
    before = values(model)
    with pytest.raises(ValueError, match=r"checkpoint\.npz (is damaged|has format True)"):
        fit(model, tmp_path)
    assert same(before, values(model))


def no_folder(folder, patch):
    folder.write_text("a file")


def below_a_file(folder, patch):
    folder.write_text("a file")
    return folder / "below"


def denied(folder, patch):
    def mkdir(self, *_, **__):
        raise PermissionError(13, "Permission denied")

    patch.setattr("pathlib.Path.mkdir", mkdir)


def full(folder, patch):
    def mkdir(self, *_, **__):
        if self.name.endswith(".unfinished"):
            raise OSError(28, "No space left on device")

    patch.setattr("pathlib.Path.mkdir", mkdir)


@pytest.mark.parametrize("fault", [no_folder, below_a_file, denied, full])
def test_a_folder_that_cannot_be_written_to_is_noticed_at_the_start(fault, tmp_path, monkeypatch):
    folder = tmp_path / "folder"
    folder = fault(folder, monkeypatch) or folder
    model = plain()
    before = values(model.variables)
    with pytest.raises(ValueError, match=f"ResumeTraining cannot write to {folder}: "):
        fit(model, folder)
    assert same(before, model.variables)


@pytest.mark.parametrize("folder", ["", None, 3])
def test_what_is_no_path_is_refused(folder):
    with pytest.raises(ValueError, match="`folder` must be a path"):
        ResumeTraining(folder)


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


def test_a_model_without_variables_is_refused(tmp_path):
    model = keras.Sequential([keras.layers.Dense(3)])
    model.compile("sgd", crossentropy())
    with pytest.raises(ValueError, match=r"The model has no variables yet.*Build it before fit"):
        model.fit(*data(8), verbose=0, callbacks=[ResumeTraining(tmp_path)])
    model = plain()
    model.second_optimizer = keras.optimizers.Adam()
    with pytest.raises(ValueError, match=r"The second_optimizer has no variables yet"):
        fit(model, tmp_path)


def test_statistics_of_normalisations_come_back(tmp_path):
    x, y = data(8, (8, 8, 1))
    models = [started(plain, task=convnet()) for _ in range(2)]
    for model in models:
        model.fit(x, y, verbose=0, callbacks=[ResumeTraining(tmp_path)])
    assert same(all_values(models[0]), all_values(models[1]))
