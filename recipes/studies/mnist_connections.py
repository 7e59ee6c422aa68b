"""MNIST: a factor per connection of the dense layers, and the controls beside it. Test split.

The dense twins are those of the study `mnist`, and so are the settings; what was tried on the
validation split is in `recipes/results/tried/mnist.json`.
"""

from dataclasses import replace

from recipes.studies import mnist
from recipes.studies.baselines import FROZEN, Family, unique

# A little below the tenth that is asked for: training settles on it.
CHANGES = {"connections": True, "budget": 0.098}
# Free factors read nothing that would scale their steps: a high rate suits them.
FREE = {"switcher": "free", "switcher_learning_rate": 30.0}


def _controls(task, settings, dense, seeds):
    """The method and its controls at one budget."""
    settings, row = replace(settings, **CHANGES), f"{task} connections"
    family = Family(task, settings, f"{row}, {{}}", seeds, row)
    return {
        "dense twin": dense,
        "row switcher": replace(family.make("row"), name=row),
        "frozen switcher, ranked to the budget": family.make("frozen", **FROZEN),
        "free factors": family.make("free", **FREE),
        "shuffled input": family.make("shuffled", switcher="shuffled"),
        "constant input": family.make("constant", switcher="constant"),
        "random mask, same density per layer": family.make("random mask", "random structure"),
        "magnitude pruning, same epochs": family.make("magnitude", "magnitude"),
        "random mask, first layer drawn by how much the inputs vary": family.make(
            "random mask, varied inputs", "varied inputs"
        ),
    }


MLP = _controls("mlp", mnist.MLP, mnist.DENSE, 8)
LENET5 = _controls("lenet5", mnist.LENET5, mnist.LENET5_CONTROLS["dense twin"], 3)
# Its dense layers read no pixels.
del LENET5["random mask, first layer drawn by how much the inputs vary"]
EXPERIMENTS = [e for e in unique(MLP, LENET5) if e.method != "dense"]
