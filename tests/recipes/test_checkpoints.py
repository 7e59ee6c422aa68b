"""A training that ends at any moment goes on from the last epoch whose checkpoint is whole."""

import pytest
import toys

from recipes import checkpoints
from recipes.checkpoints import Checkpoint, seconds_in


class Killed(BaseException):
    """What no callback catches."""


def train(folder, epochs=3):
    model, checkpoint = toys.started(), Checkpoint(folder)
    checkpoint.restore(model)
    first = checkpoint.epochs_done()
    toys.fit(model, *toys.data(), epochs=epochs, initial_epoch=first, callbacks=[checkpoint])
    return first, model


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The variables after a training that nobody kills."""
    return toys.values(train(tmp_path_factory.mktemp("whole"))[1].variables)


def half_of_the_weights(patch, checkpoint_of):
    def save(self, filepath, overwrite=True):
        filepath.write_bytes(b"half")
        raise Killed

    patch.setattr(checkpoint_of, "save_weights", save)


def no_record(patch, _):
    def killed(path, text):
        path.with_suffix(".tmp").write_text(text[:5])
        raise Killed

    patch.setattr(checkpoints, "write_whole", killed)


@pytest.mark.parametrize("moment", [half_of_the_weights, no_record])
@pytest.mark.parametrize("done", [0, 2])
def test_killed_within_a_checkpoint(moment, done, whole, tmp_path, monkeypatch):
    folder = tmp_path / "killed"
    if done:
        train(folder, done)
    with monkeypatch.context() as patch:
        moment(patch, type(toys.started()))
        with pytest.raises(Killed):
            train(folder)
    first, resumed = train(folder)
    assert first == done
    assert toys.same(whole, resumed.variables)
    assert len(list(folder.glob("*.h5"))) == 1


def test_seconds_of_all_phases_count(tmp_path):
    for phase in ("before", "after"):
        train(tmp_path / phase, 1)
    texts = [(tmp_path / phase / "record.json").read_text() for phase in ("before", "after")]
    assert all('"epochs": 1' in text for text in texts)
    one, other = (Checkpoint(tmp_path / phase) for phase in ("before", "after"))
    for checkpoint in (one, other):
        checkpoint.restore(toys.started())
    assert 0 < seconds_in(tmp_path) == one.seconds + other.seconds
