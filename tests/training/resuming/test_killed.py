"""Trainings that are killed at any moment end as if nobody had killed them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def run(trials, *options):
    script = Path(__file__).parents[2] / "helpers" / "killed.py"
    command = [sys.executable, script, *map(str, [trials, 0, *options])]
    paths = os.pathsep.join(map(str, script.parents[1:3]))  # Of the helpers, and of the package.
    environment = {**os.environ, "PYTHONPATH": paths}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert f"{trials} of {trials} equal" in result.stdout, result.stdout + result.stderr[-3000:]


def test_three_trainings():
    run(3, "--short")


@pytest.mark.long
def test_fifty_trainings():
    run(50)
