"""ResumeTraining refuses what is not the checkpoint of this training, and changes nothing."""

import keras
import numpy as np
import pytest
from helpers.resumed import FILE, fit, plain, started, switching
from helpers.toys import crossentropy, data, mlp, same, values

from keras_switcher import Budget, ResumeTraining, StructureHistory
from keras_switcher.switchers import FreeFactors


def test_a_structure_history_that_would_not_be_whole_is_refused(tmp_path):
    model, history = switching(), StructureHistory()
    resume = ResumeTraining(tmp_path, history)
    with pytest.raises(ValueError, match="Put it before ResumeTraining"):
        model.fit(*data(8), verbose=0, callbacks=[resume, history])
    fit(model, tmp_path, 2)
    with pytest.raises(ValueError, match="saved without a StructureHistory"):
        fit(model, tmp_path, 4, [history], resume)


def budget(**changes):
    return {"budget": Budget(**{"keep": 0.5, "end_epoch": 3, **changes})}


# What the checkpoint is of, what is to be trained, and what the message names.
OTHERS = {
    "wider": (plain, lambda: plain(task=mlp(9)), "layer"),
    "an optimizer of another kind": (plain, lambda: plain(keras.optimizers.SGD(0.01)), "SGD"),
    "another rate": (plain, lambda: plain(keras.optimizers.Adam(0.02)), "learning_rate: 0.0"),
    "another loss": (
        plain,
        lambda: plain(loss="sparse_categorical_crossentropy"),
        "loss: 'SparseCategoricalCrossentropy'",
    ),
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


@pytest.mark.only("tensorflow", reason="Elsewhere Keras builds a model before any callback.")
def test_a_model_without_variables_is_refused(tmp_path):
    model = keras.Sequential([keras.layers.Dense(3)])
    model.compile("sgd", crossentropy())
    with pytest.raises(ValueError, match=r"The model has no variables yet.*Build it before fit"):
        model.fit(*data(8), verbose=0, callbacks=[ResumeTraining(tmp_path)])


def test_an_optimizer_without_variables_is_refused(tmp_path):
    model = plain()
    model.second_optimizer = keras.optimizers.Adam()
    with pytest.raises(ValueError, match=r"The second_optimizer has no variables yet"):
        fit(model, tmp_path)
