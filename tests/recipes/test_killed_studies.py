"""A study that is killed at any moment, again and again, has the rows of an undisturbed one."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("sklearn")

COMMAND = """
import sys, recipes.studies
from recipes.settings import Settings
from recipes.studies.__main__ import main
from recipes.trials.trial import Experiment
SETTINGS = Settings(epochs=12, batch_size=32, switcher_learning_rate=0.005, budget=0.5)
EXPERIMENTS = [Experiment(m, "digits", m, SETTINGS, seeds=1) for m in ("dense", "switched")]
if __name__ == "__main__":
    recipes.studies.experiments = lambda _: EXPERIMENTS
    sys.exit(main(sys.argv[1:]))
"""
KILLS = 10


@pytest.mark.long
def test_a_study_that_is_killed_ten_times_has_the_same_rows(tmp_path):
    script, generator = tmp_path / "killed_study.py", random.Random(0)
    script.write_text(COMMAND)

    def start(name):
        folders = ["--results", str(tmp_path / name), "--output", str(tmp_path / f"{name}-runs")]
        command = [sys.executable, str(script), "mnist", "--processes", "2", *folders]
        path = {"PYTHONPATH": str(Path(__file__).parents[2])}
        return subprocess.Popen(command, env={**os.environ, **path})

    began = time.monotonic()
    assert start("undisturbed").wait() == 0
    seconds = time.monotonic() - began
    killed = 0
    while killed < KILLS:
        runner = start("killed")
        try:
            assert runner.wait(generator.uniform(0.2, 0.9) * seconds) == 0
            break  # It ended before: what is there is compared.
        except subprocess.TimeoutExpired:
            runner.send_signal(signal.SIGKILL)
            runner.wait()
            killed += 1
            time.sleep(1)  # Its workers end with it.
    assert start("killed").wait() == 0
    print(f"killed {killed} times")
    assert killed > 1
    assert rows(tmp_path / "killed") == rows(tmp_path / "undisturbed")


def rows(folder):
    found = [json.loads(path.read_text()) for path in sorted(folder.rglob("*.json"))]
    assert len(found) == 2
    return [{**row, "seconds": None} for row in found]
