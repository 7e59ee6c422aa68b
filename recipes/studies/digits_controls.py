"""scikit-learn's digits: the method and its controls. Test split; offline.

The rate of the free factors was chosen on the validation split, by the experiments at the end.
"""

from dataclasses import replace

from recipes.settings import Settings
from recipes.studies.baselines import controls, switched, unique

DENSE = Settings(
    epochs=60, batch_size=32, weight_decay=0.01, switcher_learning_rate=0.002, budget=0.4
)
SETTINGS = replace(DENSE, ceiling=1.5)


def _free(rate):
    name = f"digits free, rate {rate}, validation"
    changes = {"switcher": "free", "switcher_learning_rate": rate, "validate": True}
    return switched(name, "digits", SETTINGS, 4, **changes)


CONTROLS = controls("digits", SETTINGS, dense=DENSE, of_free=1.0)
FREE = {f"rate {rate}": _free(rate) for rate in (0.03, 0.1, 0.3, 1.0)}
EXPERIMENTS = unique(CONTROLS, FREE)
