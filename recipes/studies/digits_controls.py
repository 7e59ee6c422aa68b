"""scikit-learn's digits: the method and its controls. Test split; offline.

The rate of the free factors was chosen on the validation split, by the experiments at the end.
"""

from dataclasses import replace

from recipes.settings import Settings
from recipes.studies.tables import Shared, unique

DENSE = Settings(
    epochs=60, batch_size=32, weight_decay=0.01, switcher_learning_rate=0.002, budget=0.4
)
SETTINGS = replace(DENSE, ceiling=1.5)
FREELY = replace(SETTINGS, switcher="free", validate=True)

CONTROLS = {"dense twin": Shared("digits", DENSE, "digits {}").make("dense", "dense")}
CONTROLS |= Shared("digits", SETTINGS, "digits {}").lines("controls")
FREE = Shared("digits", FREELY, "digits free, {}, validation", seeds=4).lines("digits_free")
EXPERIMENTS = unique(CONTROLS, FREE)
