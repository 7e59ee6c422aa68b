"""Trainings that are killed at any moment: so many of them, with this seed.

    PYTHONPATH=tests:. python tests/helpers/killed.py 50 1

Each is killed up to three times, goes on by ResumeTraining, and has to end as one that nobody
killed, to the last bit. Prints how many did. With `--short` each is smaller, and killed once.
"""

import io
import itertools
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from keras import layers

from helpers.toys import convnet, data, switched, values
from keras_switcher import Budget, ResumeTraining

CASES = {
    "batch": {"alternation": "batch"},
    "joint": {"alternation": "joint", "budget": Budget(0.3, start_epoch=1, end_epoch=5)},
    "epoch": {"alternation": "epoch", "warmup_epochs": 1},
}
EPOCHS, PAUSE = 6, 0.15


def mlp():
    """A network whose training needs the states of a random generator."""
    hidden = [layers.Dense(8, "relu"), layers.Dropout(0.2)]
    return keras.Sequential([keras.Input((4,)), *hidden, layers.Dense(3)])


NETWORKS = {"mlp": (mlp, (4,)), "convnet": (convnet, (8, 8, 1))}


def train(case: str, network: str, callbacks: list, short: bool = False):
    """Six epochs with slots and schedules; returns the model and its History."""
    keras.utils.set_random_seed(5)
    optimizers = {
        name: keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.03, 60))
        for name in ("optimizer", "switcher_optimizer")
    }
    make, shape = NETWORKS[network]
    compiled = {**optimizers, "run_eagerly": short}
    model = switched(make(), compiled=compiled, **CASES[case])
    x, y = data(8 if short else 32, shape)
    history = model.fit(x, y, 4, epochs=EPOCHS, shuffle=False, verbose=0, callbacks=callbacks)
    return model, history


def slow_disk():
    """Half of a checkpoint is written, then the other half, then it gets its name: with pauses."""
    save, sync = np.savez, os.fsync

    def savez(file, **arrays):
        whole = io.BytesIO()
        save(whole, **arrays)
        content = whole.getvalue()
        for part in (content[: len(content) // 2], content[len(content) // 2 :]):
            file.write(part)
            file.flush()
            time.sleep(PAUSE)

    def fsync(number):
        sync(number)
        time.sleep(PAUSE)

    np.savez, os.fsync = savez, fsync


def start(case, network, folder, result, slow, short):
    """The same training in a process of its own; forked, as TensorFlow takes long to import."""
    if pid := os.fork():
        return pid
    try:
        if slow:
            slow_disk()
        model, history = train(case, network, [ResumeTraining(folder)], short)
        logs = [np.array(history.history[name]) for name in sorted(history.history)]
        np.savez_compressed(result, *values(model), *logs)
        os._exit(0)
    finally:
        os._exit(1)


def ends(pid, before):
    """Whether a process ends by itself before a condition holds."""
    while not before():
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            assert os.waitstatus_to_exitcode(status) == 0
            return True
        time.sleep(0.005)
    return False


def after(seconds):
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def is_killed(pid, seconds, saving_in=None, later=0.0):
    """Kills a process after some seconds, unless it has ended; with a folder, as it saves there."""
    if ends(pid, after(seconds)):
        return False
    if saving_in and (ends(pid, lambda: saves(saving_in)) or ends(pid, after(later))):
        return False
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return True


def saves(folder):
    return any(folder.glob("*.unfinished"))


def saved(path):
    with np.load(path) as file:
        return [file[name] for name in file.files]


def main(trials, seed, short):
    chance = random.Random(seed)
    kinds = list(itertools.product([True, False], NETWORKS, CASES))
    whole, equal, kills, within = {}, 0, 0, 0
    with tempfile.TemporaryDirectory() as root:
        for trial in range(trials):
            slow, network, case = kinds[trial % len(kinds)]
            folder, result = Path(root, f"{trial}"), Path(root, f"{trial}.npz")
            kind = case, network
            if kind not in whole:
                begun, path = time.monotonic(), Path(root, "-".join([*kind, "whole.npz"]))
                pid = start(*kind, Path(f"{folder}-whole"), path, False, short)
                assert not is_killed(pid, 600)
                whole[kind] = saved(path), time.monotonic() - begun
            seconds = whole[kind][1]
            for _ in range(1 if short else 3):
                pid = start(*kind, folder, result, slow, short)
                moment = chance.uniform(0.1, 1) * seconds, folder if slow else None
                if not is_killed(pid, *moment, later=chance.uniform(0, 3 * PAUSE)):
                    break
                kills += 1
                within += saves(folder)
            else:
                assert not is_killed(start(*kind, folder, result, False, short), 600)
            pairs = list(zip(whole[kind][0], saved(result), strict=True))
            same = all(np.array_equal(a, b) for a, b in pairs)
            assert [p.name for p in folder.iterdir()] == ["checkpoint.npz"]
            equal += same
            print(trial, *kind, "slow" * slow, "equal" if same else "DIFFERS", kills, flush=True)
    print(f"{equal} of {trials} equal; {kills} kills, {within} of them while saving", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), "--short" in sys.argv)
