"""scikit-learn's digits: the method of `recipes.digits` and its controls. Test split; offline.

The rate of the free factors was chosen on the validation split, by the experiments at the end.
"""

from dataclasses import replace

from recipes.digits import RECIPE
from recipes.evidence.families import CONTROLS, OF_VECTORS, family, lines, switched
from recipes.evidence.tables import Table

DENSE = replace(RECIPE.settings, switcher_learning_rate=RECIPE.switcher_rates["row"], ceiling=None)
SETTINGS = replace(DENSE, ceiling=RECIPE.settings.ceiling)
RATES = (0.03, 0.1, 0.3, 1.0)
FREE = {rate: f"digits free, rate {rate}, validation" for rate in RATES}

EXPERIMENTS = [
    *family("digits", SETTINGS, dense=DENSE, of_free=1.0),
    *(
        switched(
            name, "digits", SETTINGS, 4, switcher="free", switcher_learning_rate=rate, validate=True
        )
        for rate, name in FREE.items()
    ),
]
TABLES = [
    Table(
        "Digits, MLP 64-128-64-10: the method and its controls",
        "359 test images: one of them is .28 points. A budget of 40 % of the weights where there "
        "is one.",
        lines("digits", CONTROLS | OF_VECTORS),
    ),
    Table(
        "Digits: rates of the free factors, on the validation split",
        "Four seeds each; the study has the best, of equals the largest.",
        {f"rate {rate}": name for rate, name in FREE.items()},
    ),
]
