"""Residual networks with batch normalisation, on scikit-learn's digits. Test split; offline.

Small networks of the kinds of ResNet and MobileNetV2: what reads their channels is normalised, see
`keras_switcher.training.pull`. Rates were chosen on the validation split, by the experiments at
the end. How a budget counts was found by hand, on random splits that share images with the test
split, and compared again on the validation split, see `recipes/results/digits_tried.csv`.

One network has no normalisation: what it learns at which rates, dense and switched.
"""

from dataclasses import replace

from recipes.evidence.experiment import Experiment
from recipes.evidence.families import CONTROLS, POINT, kept, lines, point, switched
from recipes.evidence.tables import Table
from recipes.settings import Settings

SEEDS = 4
DENSE = Settings(
    epochs=24,
    batch_size=32,
    learning_rate=0.1,
    weight_decay=0.005,
    switcher_learning_rate=0.005,
    budget=0.25,
    budget_of="macs",
    budget_start=0.08,
    budget_end=0.42,
)
SETTINGS = replace(DENSE, ceiling=1.5, switcher_clipnorm=1.0)
OF_FREE = 0.3
# What the switchers' rates were tried with.
FIRST = replace(SETTINGS, learning_rate=0.05, weight_decay=0.002, validate=True)
NETWORKS = {
    "residual": ("16 channels, 6 blocks of two convolutions", (0.5, 0.25, 0.1)),
    "inverted": ("inverted residual blocks, 16 to 128 channels", (0.25, 0.1)),
}
UNIFORM = {"uniform width, same MACs": "uniform"}
POINT_CONTROLS = {
    name: CONTROLS[name]
    for name in (
        "free factors",
        "shuffled input",
        "constant input",
        "learned structure, from scratch",
    )
}
OF_POINT = kept(SETTINGS.budget, "macs")


def _point(task, keep):
    """The method, magnitude pruning, a random structure and uniform width at one budget."""
    (uniform,) = lines(task, UNIFORM, kept(keep, "macs")).values()
    first, *others = point(task, SETTINGS, keep, SEEDS)
    settings, row = first.settings, first.name
    filled_up = Experiment(uniform, task, "uniform width, filled up", settings, row, SEEDS)
    return [first, *others, filled_up]


def _controls(task):
    """What reads no weights, or others, and the structure from scratch, at the middle budget."""
    free, shuffled, constant, learned = lines(task, POINT_CONTROLS, OF_POINT).values()
    (row, *_) = lines(task, POINT, OF_POINT).values()
    of_free = {"switcher": "free", "switcher_learning_rate": OF_FREE}
    return [
        switched(free, task, SETTINGS, SEEDS, **of_free),
        switched(shuffled, task, SETTINGS, SEEDS, switcher="shuffled"),
        switched(constant, task, SETTINGS, SEEDS, switcher="constant"),
        Experiment(learned, task, "learned structure", SETTINGS, row, SEEDS),
    ]


def _validated(name, treatment="switched", **changes):
    settings = replace(FIRST, **changes)
    return Experiment(f"residual {name}, validation", "residual", treatment, settings, seeds=2)


VALIDATED = [
    *(
        _validated(f"dense, rate {r}, decay {d}", "dense", learning_rate=r, weight_decay=d)
        for r, d in [(0.05, 0.002), (0.1, 0.002), (0.1, 0.005), (0.02, 0.002), (0.05, 0.005)]
    ),
    *(
        _validated(f"row, own rate {own}", switcher_learning_rate=own)
        for own in (0.002, 0.005, 0.01)
    ),
    *(
        _validated(f"free, own rate {own}", switcher="free", switcher_learning_rate=own)
        for own in (0.03, 0.1, 0.3, 1.0)
    ),
    _validated("row, rate 0.1, decay 0.005", learning_rate=0.1, weight_decay=0.005),
]
PLAIN = [
    Experiment(
        f"plain {label}, rate {rate}, validation",
        "plain",
        treatment,
        replace(FIRST, epochs=40, learning_rate=rate, budget=budget),
        seeds=8,
    )
    for rate in (0.005, 0.01, 0.02)
    for label, treatment, budget in [("dense", "dense", None), ("row", "switched", 0.25)]
]
EXPERIMENTS = [
    *(
        Experiment(f"{task} dense", task, "dense", replace(DENSE, budget=None), seeds=SEEDS)
        for task in NETWORKS
    ),
    *(trial for task, (_, shares) in NETWORKS.items() for s in shares for trial in _point(task, s)),
    *_controls("residual"),
    *VALIDATED,
    *PLAIN,
]


def _table(task, about, shares):
    measured = {"dense twin": f"{task} dense"}
    for share in shares:
        has_controls = (task, share) == ("residual", SETTINGS.budget)
        named = POINT | UNIFORM | (POINT_CONTROLS if has_controls else {})
        for label, name in lines(task, named, kept(share, "macs")).items():
            measured[f"{100 * share:.0f} % of the MACs: {label}"] = name
    text = (
        "359 test images: one of them is .28 points. Uniform widths have one channel more in as "
        "many layers as the MACs allow."
    )
    return Table(f"Digits, {task}: {about}", text, measured)


TABLES = [
    *(_table(task, about, shares) for task, (about, shares) in NETWORKS.items()),
    Table(
        "Digits, residual: rates, on the validation split",
        "Two seeds each. Of the MACs a quarter is kept where there is a budget.",
        {e.name.removeprefix("residual ").removesuffix(", validation"): e.name for e in VALIDATED},
    ),
    Table(
        "Digits, residual without normalisations: rates, on the validation split",
        "Six blocks of two convolutions, 16 channels, with biases. Of the MACs a quarter is kept "
        "where there is a budget. A network that stopped learning is near 10 %.",
        {e.name.removeprefix("plain ").removesuffix(", validation"): e.name for e in PLAIN},
    ),
]
