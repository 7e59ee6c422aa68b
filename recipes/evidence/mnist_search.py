"""The log of what was tried on MNIST: measured on the validation split, two seeds each."""

from dataclasses import replace

from recipes.evidence.experiment import Experiment
from recipes.settings import Settings

BASE = Settings(weight_decay=0.003, switcher_learning_rate=0.005, validate=True)


def _tried(name, task="mlp", treatment="switched", seeds=2, **changes):
    return Experiment(name, task, treatment, replace(BASE, **changes), seeds=seeds)


EXPERIMENTS = [
    *(
        _tried(
            f"mlp dense, lr {rate}, wd {decay}",
            treatment="dense",
            learning_rate=rate,
            weight_decay=decay,
        )
        for rate, decay in [(0.1, 0.001), (0.1, 0.003), (0.1, 0.006), (0.2, 0.003), (0.05, 0.003)]
    ),
    *(
        _tried(
            f"mlp row, lr {rate}, wd {decay}, switcher {own}",
            learning_rate=rate,
            weight_decay=decay,
            switcher_learning_rate=own,
        )
        for rate, decay, own in [
            (0.1, 0.003, 0.005),
            (0.1, 0.003, 0.02),
            (0.2, 0.003, 0.005),
            (0.1, 0.006, 0.005),
        ]
    ),
]
