"""MNIST: a factor per connection of the dense layers, and the controls beside it. Test split.

The dense twins are those of the study `mnist`, and so are the settings; what was tried on the
validation split is in `recipes/results/tried/mnist.json`.
"""

from dataclasses import replace

from recipes.studies import mnist
from recipes.studies.tables import Shared, unique

# A little below the tenth that is asked for: training settles on it.
CHANGES = {"connections": True, "budget": 0.098}
OF_PIXELS = ("random mask, first layer drawn by how much the inputs vary",)


def _family(task, settings, seeds):
    row = f"{task} connections"
    return Shared(task, replace(settings, **CHANGES), f"{row}{{}}", seeds, row)


MLP = {"dense twin": mnist.DENSE, **_family("mlp", mnist.MLP, 8).lines("connections")}
LENET5 = {
    "dense twin": mnist.LENET5_CONTROLS["dense twin"],
    **_family("lenet5", mnist.LENET5, 3).lines("connections", without=OF_PIXELS),
}
EXPERIMENTS = [e for e in unique(MLP, LENET5) if e.method != "dense"]
