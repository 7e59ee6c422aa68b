"""The commands that the guide shows run, one after the other."""

import re
import shlex

import keras
import pytest
from helpers.examples import ROOT

GUIDE = ROOT / "docs" / "guides" / "command_line.md"


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="It exports with TensorFlow.")
def test_the_commands_of_the_guide_run(run, saved, switcher_model, tmp_path):
    switcher_model.save(tmp_path / "trained.keras")
    commands = re.findall(r"^keras-switcher (.+)$", GUIDE.read_text(), re.MULTILINE)
    assert {shlex.split(command)[0] for command in commands} == {
        *("inspect", "prune", "compact", "verify", "export", "bench", "report"),
    }
    for command in commands:
        code, out, err = run(*shlex.split(command))
        assert code == 0, f"{command}: {err}"
        assert out
