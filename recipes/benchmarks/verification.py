"""Cost of verifying a compact network, as a share of pruning it and beside a plain call.

A model of each family of keras.applications, at its own size and in its own process, loses half
of its channels: seconds of `prune_channels` with `verify` and without it, and of an eager call of
the model with one image; the best of several runs in turn. `cost` is what verifying adds, as a
share of pruning without it.

    python -m recipes.benchmarks.verification
    python -m recipes.benchmarks.verification --models MobileNetV2 --repeats 1
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

import keras_switcher as ks
from recipes.benchmarks.harness import in_own_process, random_masks, run, timed_in_turn
from recipes.networks.backbones import FAMILIES, NAMES, backbone

FIRST = tuple(names[0] for names in FAMILIES.values())


def measure(models: tuple = FIRST, repeats: int = 2) -> Iterator[dict]:
    """A row for each model."""
    for name in models:
        yield in_own_process(_measured, name, repeats)


def _measured(name, repeats):
    model = backbone(name)
    prune = partial(ks.prune_channels, model, random_masks(model))
    runs = {
        "prune": partial(prune, verify=False),
        "prune_verified": partial(prune, verify=True),
        "call": partial(model, np.zeros((1, *model.input_shape[1:]), "float32"), training=False),
    }
    seconds = timed_in_turn(runs, repeats)[0].min()
    cost = seconds["prune_verified"] / seconds["prune"] - 1
    return {"model": name, **{f"{run}_seconds": seconds[run] for run in runs}, "cost": cost}


if __name__ == "__main__":
    run(measure, __doc__, choices={"models": NAMES})
