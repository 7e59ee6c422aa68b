"""What training costs before it starts, and how that grows with the length of a chain.

Residual and concatenation chains of 30, 60 and 120 layers on tiny images: building the network and
its first fit() of one batch, plain and as a SwitcherModel whose networks are trained jointly.

    python -m recipes.benchmarks.first_fit

Ends with the exponents of time over layers, 1 being linear. Run it on a quiet machine: most of the
time is spent in tracing, which runs on one core.
"""

import argparse
import time

import keras
import numpy as np
from keras import layers

from keras_switcher import SwitcherModel

LAYERS = (30, 60, 120)
IMAGE = (8, 8, 3)
COLUMNS = ("build", "first fit", "SwitcherModel()", "its first fit")


def main(arguments: list[str] | None = None):
    """Runs the benchmark from the command line."""
    options = _parse(arguments)
    for name in options.chains:
        _seconds(CHAINS[name], 1)  # What the first of a process pays for, whichever it is.
        rows = [_seconds(CHAINS[name], number) for number in options.layers]
        for number, row in zip(options.layers, rows, strict=True):
            found = ", ".join(f"{column} {s:.2f} s" for column, s in zip(COLUMNS, row, strict=True))
            ratios = f"{row[2] / row[0]:.1f} and {row[3] / row[1]:.1f} times plain"
            print(f"{name}, {number} layers: {found}: {ratios}", flush=True)
        if len(rows) > 1:
            powers = np.polyfit(np.log(options.layers), np.log(rows), 1)[0]
            found = ", ".join(f"{c} {p:.2f}" for c, p in zip(COLUMNS, powers, strict=True))
            print(f"{name}: grows as layers to the power of: {found}", flush=True)


def residual(number: int, width: int = 8) -> keras.Model:
    """Each layer's output is added to its input."""
    inputs = keras.Input(IMAGE)
    x = layers.Conv2D(width, 3, padding="same")(inputs)
    for _ in range(number):
        new = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        x = layers.Add()([x, layers.Conv2D(width, 1)(new)])
    return keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


def concatenation(number: int, width: int = 8) -> keras.Model:
    """Each layer reads the outputs of all before it."""
    inputs = keras.Input(IMAGE)
    x = layers.Conv2D(width, 3, padding="same")(inputs)
    for _ in range(number):
        new = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        x = layers.Concatenate()([x, new])
    return keras.Model(inputs, layers.Dense(10)(layers.Flatten()(x)))


def dense(number: int, width: int = 8) -> keras.Model:
    """Each Dense layer reads the image and the outputs of all before it."""
    inputs = keras.Input(IMAGE)
    x = layers.Flatten()(inputs)
    for _ in range(number):
        x = layers.Concatenate()([x, layers.Dense(width, "relu")(x)])
    return keras.Model(inputs, layers.Dense(10)(x))


CHAINS = {"residual": residual, "concatenation": concatenation, "dense": dense}


def _seconds(make, number):
    keras.backend.clear_session()
    times = [time.perf_counter()]
    task = make(number)
    times.append(time.perf_counter())
    _fit(task)
    times.append(time.perf_counter())
    model = SwitcherModel(task, alternation="joint")
    times.append(time.perf_counter())
    _fit(model)
    times.append(time.perf_counter())
    return np.diff(times)


def _fit(model):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01), loss)
    model.fit(np.zeros((8, *IMAGE), "float32"), np.arange(8), verbose=0)


def _parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m recipes.benchmarks.first_fit", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--chains", choices=CHAINS, nargs="+", default=list(CHAINS))
    parser.add_argument("--layers", type=int, nargs="+", default=LAYERS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
