"""scikit-learn's digits: the method of `recipes.digits` and its controls. Test split; offline.

The rate of the free factors was chosen on the validation split, by the experiments at the end.
"""

from dataclasses import replace

from recipes.digits import RECIPE
from recipes.studies.baselines import controls, switched, unique

DENSE = replace(RECIPE.settings, switcher_learning_rate=RECIPE.switcher_rates["row"], ceiling=None)
SETTINGS = replace(DENSE, ceiling=RECIPE.settings.ceiling)


def _free(rate):
    name = f"digits free, rate {rate}, validation"
    changes = {"switcher": "free", "switcher_learning_rate": rate, "validate": True}
    return switched(name, "digits", SETTINGS, 4, **changes)


CONTROLS = controls("digits", SETTINGS, dense=DENSE, of_free=1.0)
FREE = {f"rate {rate}": _free(rate) for rate in (0.03, 0.1, 0.3, 1.0)}
EXPERIMENTS = unique(CONTROLS, FREE)
