"""The log of what was tried on MNIST, measured on a validation split of the training set.

The ceiling and the clipping of the method were chosen before they were options: those trials are in
`recipes/results/mnist_tried.csv`.
"""

from dataclasses import replace

from recipes.evidence.experiment import Experiment
from recipes.settings import Settings

BASE = Settings(weight_decay=0.003, switcher_learning_rate=0.005, budget=0.235, validate=True)
CLIPPED = {"ceiling": 1.5, "switcher_clipnorm": 1.0}
SOURCE = "mlp row, rate 0.1, decay 0.003, own 0.005"
SCHEDULES = [(0.05, 0.3), (0.05, 0.6), (0.3, 0.6), (0.45, 0.55)]
IN_BETWEEN = {"budget_start": 0.3, "budget_end": 0.5}
LATER = "budget falls from 0.3 to 0.5 of training"
LENET5 = replace(BASE, epochs=20, budget=0.145, **CLIPPED)


def _tried(name, task="mlp", treatment="switched", seeds=4, **changes):
    return Experiment(name, task, treatment, replace(BASE, **changes), seeds=seeds)


def _given(name, treatment, source, **more):
    return Experiment(f"mlp {name}", "mlp", treatment, BASE, source, seeds=4, **more)


def _dense(rate, decay):
    return _tried(
        f"mlp dense, rate {rate}, decay {decay}",
        treatment="dense",
        learning_rate=rate,
        weight_decay=decay,
    )


def _row(rate, decay, own):
    return _tried(
        f"mlp row, rate {rate}, decay {decay}, own {own}",
        learning_rate=rate,
        weight_decay=decay,
        switcher_learning_rate=own,
    )


def _connections(rate, decay):
    return _tried(
        f"mlp connections, rate {rate}, decay {decay}",
        learning_rate=rate,
        weight_decay=decay,
        connections=True,
        budget=0.098,
        **CLIPPED,
    )


def _scheduled(start, end):
    return _tried(
        f"mlp row, 10 % kept, budget falls from {start} to {end} of training",
        budget=0.1,
        budget_start=start,
        budget_end=end,
        **CLIPPED,
    )


def _two_cosines(name, **changes):
    return _tried(f"mlp {name}", schedule="two cosines", **CLIPPED, **changes)


def _lenet5(name, treatment="switched", source=None, share=None, **changes):
    settings = replace(LENET5, **changes)
    return Experiment(f"lenet5 {name}", "lenet5", treatment, settings, source, 2, share)


def _lenet5_dense(rate, decay):
    changes = {"learning_rate": rate, "weight_decay": decay}
    return _lenet5(f"dense, rate {rate}, decay {decay}", "dense", **changes)


def _lenet5_row(rate, decay, own, **more):
    changes = {"learning_rate": rate, "weight_decay": decay, "switcher_learning_rate": own}
    named = "".join(f", {name.replace('_', ' ')} {value}" for name, value in more.items())
    return _lenet5(f"row, rate {rate}, decay {decay}, own {own}{named}", **changes, **more)


EXPERIMENTS = [
    *(
        _dense(*settings)
        for settings in [(0.1, 0.0015), (0.1, 0.003), (0.1, 0.006), (0.2, 0.003), (0.05, 0.003)]
    ),
    *(
        _row(*settings)
        for settings in [
            (0.1, 0.003, 0.005),
            (0.1, 0.006, 0.005),
            (0.1, 0.01, 0.005),
            (0.1, 0.006, 0.02),
            (0.2, 0.006, 0.005),
            (0.1, 0.006, 0.002),
            (0.1, 0.003, 0.002),
            (0.1, 0.003, 0.001),
        ]
    ),
    _tried("mlp row, factors start at one", start="one"),
    _tried("mlp row, budget early", budget_start=0.0, budget_end=0.15),
    _tried("mlp row, budget late", budget_start=0.2, budget_end=0.6),
    _tried("mlp row, per batch", alternation="batch"),
    _tried("mlp row, detached", detached=True),
    _given("magnitude", "magnitude", SOURCE, share=0.5),
    _given("learned structure", "learned structure", SOURCE),
    _given("random structure", "random structure", SOURCE),
    _tried("mlp row, budget to half of training, decay 0.006", weight_decay=0.006, budget_end=0.5),
    _tried("mlp row, budget to half of training, decay 0.003", budget_end=0.5),
    _tried("mlp row, without a budget, decay 0.006", weight_decay=0.006, budget=None),
    *(
        _tried(f"mlp free, own {own}", switcher="free", switcher_learning_rate=own)
        for own in (0.005, 0.02, 0.1, 0.3)
    ),
    *(
        _connections(*settings)
        for settings in [(0.1, 0.003), (0.1, 0.002), (0.1, 0.0015), (0.2, 0.0015), (0.1, 0.005)]
    ),
    *(_scheduled(*shares) for shares in SCHEDULES),
    _given("learned structure, 10 % kept", "learned structure", _scheduled(*SCHEDULES[0]).name),
    _given("magnitude, 10 % kept", "magnitude", _scheduled(*SCHEDULES[0]).name, share=0.5),
    _tried("mlp dense, two cosines", treatment="dense", schedule="two cosines"),
    _tried("mlp row, clipped", **CLIPPED),
    _two_cosines("row, two cosines"),
    _two_cosines(f"row, two cosines, {LATER}", **IN_BETWEEN),
    _two_cosines("connections, two cosines", connections=True, budget=0.098),
    _two_cosines("row, 10 % kept, two cosines", budget=0.1),
    _two_cosines(f"row, 10 % kept, two cosines, {LATER}", budget=0.1, **IN_BETWEEN),
    *(
        _lenet5_dense(*settings)
        for settings in [(0.1, 0.003), (0.1, 0.001), (0.05, 0.003), (0.05, 0.001), (0.02, 0.003)]
    ),
    *(
        _lenet5_row(*settings)
        for settings in [(0.1, 0.003, 0.005), (0.05, 0.003, 0.005), (0.05, 0.003, 0.02)]
    ),
    _lenet5_row(0.05, 0.003, 0.005, budget=0.014),
    _lenet5_row(0.05, 0.003, 0.005, budget=0.014, epochs=40),
]
