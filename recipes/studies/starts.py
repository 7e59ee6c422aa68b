"""Factors that start at one beside factors that start near one. Validation split.

A network that was trained before computes what it did when it is wrapped only if all factors are
one. Whether training from scratch suffers by that, seed by seed: at equal budgets, where factors
that start at one spread by as much as the others as the target begins to fall. The default would be
another one if the whole interval of the difference were below a tenth of a point.
"""

from dataclasses import replace

from recipes.studies import digits_controls, digits_residual, mnist
from recipes.studies.tables import Shared, unique


def _starts(task, settings, seeds):
    family = Shared(task, replace(settings, validate=True), f"{task} from {{}}", seeds)
    return {s: family.make(s.replace("_", " "), start=s) for s in ("one", "near_one")}


PAIRS = {
    "digits": _starts("digits", digits_controls.SETTINGS, 24),
    "residual": _starts("residual", digits_residual.SETTINGS, 24),
    "inverted": _starts("inverted", digits_residual.SETTINGS, 24),
    "mlp": _starts("mlp", mnist.MLP, 8),
}
EXPERIMENTS = unique(*PAIRS.values())
