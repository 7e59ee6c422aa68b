"""Residual networks with batch normalisation, on scikit-learn's digits. Test split; offline.

Small networks of the kinds of ResNet and MobileNetV2: what reads their channels is normalised, see
how a budget pulls there in the package. Rates were chosen on the validation split, by the
experiments at the end. How a budget counts was found by hand, on random splits that share images
with the test split, and compared again on the validation split, see
`recipes/results/tried/digits.json`.

One network has no normalisation: what it learns at which rates, dense and switched.
"""

from dataclasses import replace

from recipes.settings import Settings
from recipes.studies.baselines import kept, point, switched, unique
from recipes.trials.experiment import Experiment

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
# What the switchers' rates were tried with.
FIRST = replace(SETTINGS, learning_rate=0.05, weight_decay=0.002, validate=True)
SHARES = {"residual": (0.5, 0.25, 0.1), "inverted": (0.25, 0.1)}


def _point(task, keep):
    """The method, magnitude pruning, a random structure and uniform width at one budget."""
    settings, end = replace(SETTINGS, budget=keep), kept(keep, "macs")
    # The controls take the method's settings as the study has them: of a budget they know nothing.
    lines = point(task, SETTINGS, keep, SEEDS)
    row, method = lines["row switcher"].name, "uniform width, filled up"
    uniform = Experiment(f"{task} uniform, {end}", task, method, settings, row, SEEDS)
    return {"dense twin": DENSE_TWINS[task], **lines, "uniform width, same MACs": uniform}


def _controls():
    """What reads no weights, or others, and the structure from scratch, at the middle budget."""
    end = kept(SETTINGS.budget, "macs")

    def changed(name, **changes):
        return switched(f"residual {name}, {end}", "residual", SETTINGS, SEEDS, **changes)

    return {
        "free factors": changed("free", switcher="free", switcher_learning_rate=0.3),
        "shuffled input": changed("shuffled", switcher="shuffled"),
        "constant input": changed("constant", switcher="constant"),
        "learned structure, from scratch": Experiment(
            f"residual learned structure, {end}",
            "residual",
            "learned structure",
            SETTINGS,
            f"residual row, {end}",
            SEEDS,
        ),
    }


def _validated(label, method="switched", **changes):
    name, settings = f"residual {label}, validation", replace(FIRST, **changes)
    return {label: Experiment(name, "residual", method, settings, seeds=2)}


def _plain(label, method, rate, budget):
    settings = replace(FIRST, epochs=40, learning_rate=rate, budget=budget)
    label = f"{label}, rate {rate}"
    return {label: Experiment(f"plain {label}, validation", "plain", method, settings)}


DENSE_TWINS = {
    task: Experiment(f"{task} dense", task, "dense", replace(DENSE, budget=None), seeds=SEEDS)
    for task in SHARES
}
POINTS = {(task, share): _point(task, share) for task in SHARES for share in SHARES[task]}
POINTS["residual", SETTINGS.budget] |= _controls()
BUDGETS = {f"{t}, {100 * share:.0f} % of the MACs": lines for (t, share), lines in POINTS.items()}
RATES = {}
for rate, decay in [(0.05, 0.002), (0.1, 0.002), (0.1, 0.005), (0.02, 0.002), (0.05, 0.005)]:
    label = f"dense, rate {rate}, decay {decay}"
    RATES |= _validated(label, "dense", learning_rate=rate, weight_decay=decay)
for own in (0.002, 0.005, 0.01):
    RATES |= _validated(f"row, own rate {own}", switcher_learning_rate=own)
for own in (0.03, 0.1, 0.3, 1.0):
    RATES |= _validated(f"free, own rate {own}", switcher="free", switcher_learning_rate=own)
RATES |= _validated("row, rate 0.1, decay 0.005", learning_rate=0.1, weight_decay=0.005)
PLAIN = {}
for rate in (0.005, 0.01, 0.02):
    PLAIN |= _plain("dense", "dense", rate, None) | _plain("row", "switched", rate, 0.25)
EXPERIMENTS = unique(*POINTS.values(), RATES, PLAIN)


def lines_of(task: str) -> dict[str, Experiment]:
    """All experiments of a network by what a line says."""
    lines = {"dense twin": DENSE_TWINS[task]}
    for budget, of_budget in BUDGETS.items():
        if budget.startswith(task):
            share = budget.removeprefix(f"{task}, ")
            others = {label: e for label, e in of_budget.items() if label != "dense twin"}
            lines |= {f"{share}: {label}": experiment for label, experiment in others.items()}
    return lines
