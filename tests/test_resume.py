"""A process that dies within an epoch: BackupAndRestore resumes it exactly."""

import subprocess
import sys
from pathlib import Path

import keras
import pytest
from killed import CASES, train
from toys import furthest, values


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The backups of one killed run per case."""
    folders = {case: tmp_path_factory.mktemp(case) / "backup" for case in CASES}
    script = Path(__file__).with_name("killed.py")
    runs = [
        subprocess.Popen([sys.executable, script, case, folder], stderr=subprocess.PIPE)
        for case, folder in folders.items()
    ]
    for run in runs:
        _, messages = run.communicate()
        assert run.returncode == 9, messages.decode()[-2000:]
    return folders


@pytest.mark.parametrize("case", CASES)
def test_a_killed_run_ends_with_the_weights_of_an_uninterrupted_one(case, folders):
    epochs = []
    record = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: epochs.append(epoch))
    resumed = train(case, folders[case], [record])
    assert epochs == [3, 4, 5]
    whole = train(case)
    assert furthest(values(resumed), values(whole)) < 1e-6
    assert float(whole.epochs_seen) == 6
