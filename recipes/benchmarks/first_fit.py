"""Seconds to build a chain of layers and for its first fit(), over its length.

Residual, concatenation and dense chains on tiny images: seconds to build the network and for its
first fit() of one batch, plain and as a SwitcherModel whose networks are trained jointly. Powers
are exponents of time over layers so far, 1 being linear. Run it on a quiet machine: most of the
time is spent in tracing, which runs on one core.

    python -m recipes.benchmarks.first_fit
    python -m recipes.benchmarks.first_fit --chains residual --layers 10 20
"""

from collections.abc import Iterator
from functools import partial
from time import perf_counter

import keras
import numpy as np
import pandas as pd
from keras import layers as of

from keras_switcher import SwitcherModel
from recipes.benchmarks.harness import power, run

COLUMNS = ("build", "first_fit", "switcher_model", "switcher_first_fit")
conv = partial(of.Conv2D, 8, 3, padding="same", activation="relu")
# What follows on a chain so far, by the chain's name.
CHAINS = {
    "residual": lambda x: of.Add()([x, of.Conv2D(8, 1)(conv()(x))]),
    "concatenation": lambda x: of.Concatenate()([x, conv()(x)]),
    "dense": lambda x: of.Concatenate()([x, of.Dense(8, "relu")(x)]),
}


def measure(chains: tuple = tuple(CHAINS), layers: tuple = (30, 60, 120)) -> Iterator[dict]:
    """A row for each chain and number of layers."""
    for chain in chains:
        _seconds(chain, 1)  # What the first of a process pays for, whichever it is.
        known = pd.DataFrame(columns=COLUMNS)
        for count in layers:
            known.loc[count] = _seconds(chain, count)
            row = {"chain": chain, "layers": count, **known.loc[count]}
            row["first_fit_ratio"] = row["switcher_first_fit"] / row["first_fit"]
            yield row | {f"{c}_power": power(known.index, known[c]) for c in COLUMNS}


def _seconds(chain, number):
    keras.backend.clear_session()
    model, times = None, [perf_counter()]
    wrap = partial(SwitcherModel, alternation="joint")
    for step in (lambda _: _network(chain, number), _fit, wrap, _fit):
        model = step(model)
        times.append(perf_counter())
    return np.diff(times).tolist()


def _network(chain, number):
    inputs = keras.Input((8, 8, 3))
    x = of.Flatten()(inputs) if chain == "dense" else conv()(inputs)
    for _ in range(number):
        x = CHAINS[chain](x)
    return keras.Model(inputs, of.Dense(10)(of.Flatten()(x)))


def _fit(model):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01), loss)
    model.fit(np.zeros((8, 8, 8, 3), "float32"), np.arange(8), verbose=0)
    return model


if __name__ == "__main__":
    run(measure, __doc__, choices={"chains": CHAINS})
