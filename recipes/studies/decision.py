"""The decision: does reading weights win anything? A part of CIFAR-10, whole test set.

Two networks with batch normalisation, of the kinds of ResNet and MobileNetV2, at a quarter and at a
tenth of their MACs, 24 seeds: the row switcher, free factors, which read nothing, a shuffled input,
and gradual magnitude pruning, which learns nothing. A network counts where its dense twin is more
than two points above uniform width. If row minus gradual magnitude is not above two standard
errors, no edge in accuracy is claimed for reading weights.

They are trained on 10,000 images, 1,000 of each class, always the same ones. Seed by seed, so that
pairs are complete at any time. Widths, batches and epochs are such that a training takes about two
minutes of a core. Rates, and what gradual magnitude does, were chosen on 5,000 other training
images by the experiments at the end, before anything was measured on the test split.
"""

from dataclasses import replace

from recipes.settings import Settings
from recipes.studies.tables import Lines, Shared, kept, unique

IN_ORDER = True
SEEDS = 24
DENSE = Settings(
    epochs=20,
    batch_size=64,
    learning_rate=0.2,
    weight_decay=0.005,
    switcher_learning_rate=0.005,
    schedule="one cycle",
    nesterov=True,
    augmentation="crop and flip",
    budget_of="macs",
    budget_start=0.05,
    budget_end=0.4,
)
HEAD = {"ceiling": 1.5, "switcher_clipnorm": 1.0}
# In bfloat16 depthwise convolutions are slower on CPUs.
SETTINGS = {
    "small_residual": replace(DENSE, precision="mixed_bfloat16"),
    "small_inverted": DENSE,
}
# What rates and uniform widths were tried with; their budget has no part in training.
FIRST = {"learning_rate": 0.1, "budget_start": 0.1, "budget_end": 0.5, "validate": True}
KEPT = (0.25, 0.1)
NAMED = {"small_residual": "residual", "small_inverted": "inverted"}


def _shared(task: str, named: str, seeds: int = SEEDS, **changes) -> Shared:
    settings = replace(SETTINGS[task], **changes)
    return Shared(task, settings, f"decision {NAMED[task]} {named}", seeds)


def _point(task: str, keep: float) -> Lines:
    """The deciders and uniform width at one budget."""
    named = f"{{}}, {kept(keep, 'macs')}"
    return _shared(task, named, budget=keep, **HEAD).lines("decision")


def _tried(task: str) -> Lines:
    """What was chosen on the validation split: rates, and what gradual magnitude does."""
    lines = _shared(task, "{}, validation", 2, budget=None, **FIRST).lines("decision_rates")
    named = f"{{}}, {kept(KEPT[-1], 'macs')}, validation"
    if task == "small_residual":  # What is best there is taken for both.
        gradual = _shared(task, named, 2, budget=KEPT[-1], validate=True, **HEAD)
        lines |= gradual.lines("decision_gradual")
    for keep in KEPT:
        named = f"{{}}, {kept(keep, 'macs')}, validation"
        uniform = _shared(task, named, 2, budget=keep, **FIRST)
        label = f"uniform width, rate 0.1, {kept(keep, 'macs')}"
        lines[label] = uniform.make("uniform", "uniform width, budget")
    return lines


TWINS = {task: _shared(task, "{}", budget=None).make("dense", "dense") for task in SETTINGS}
POINTS = {(task, keep): _point(task, keep) for task in SETTINGS for keep in KEPT}
BUDGETS = {
    f"{NAMED[task]}, {100 * keep:.0f} % of the MACs": {"dense twin": TWINS[task], **lines}
    for (task, keep), lines in POINTS.items()
}
TRIED = {task: _tried(task) for task in SETTINGS}


def lines_of(task: str) -> Lines:
    """All experiments of a network by what a line says, the dense twin first."""
    lines = {"dense twin": TWINS[task]}
    for keep in KEPT:
        of_share = POINTS[task, keep].items()
        lines |= {f"{100 * keep:.0f} % of the MACs: {label}": e for label, e in of_share}
    return lines


EXPERIMENTS = unique(*(lines_of(task) for task in SETTINGS), *TRIED.values())
