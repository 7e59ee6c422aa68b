"""MNIST: a factor per connection of the dense layers, and the controls beside it. Test split.

The dense twins are those of the study `mnist`, and so are the settings; what was tried on the
validation split is in `recipes/results/tried/mnist.json`.
"""

from dataclasses import replace

from recipes.studies import mnist
from recipes.studies.baselines import FROZEN, switched, unique
from recipes.trials.experiment import Experiment

# A little below the tenth that is asked for: training settles on it.
CHANGES = {"connections": True, "budget": 0.098}
# Free factors read nothing that would scale their steps: a high rate suits them.
OF_FREE = 30.0


def _controls(task, settings, dense, seeds):
    """The method and its controls at one budget."""
    settings, row = replace(settings, **CHANGES), f"{task} connections"

    def changed(name, **changes):
        return switched(f"{row}, {name}", task, settings, seeds, **changes)

    def given(name, method, share=None):
        return Experiment(f"{row}, {name}", task, method, settings, row, seeds, share)

    return {
        "dense twin": dense,
        "row switcher": switched(row, task, settings, seeds),
        "frozen switcher, ranked to the budget": changed("frozen", **FROZEN),
        "free factors": changed("free", switcher="free", switcher_learning_rate=OF_FREE),
        "shuffled input": changed("shuffled", switcher="shuffled"),
        "constant input": changed("constant", switcher="constant"),
        "random mask, same density per layer": given("random mask", "random structure"),
        "magnitude pruning, same epochs": given("magnitude", "magnitude", 0.5),
    }


MLP = _controls("mlp", mnist.MLP, mnist.DENSE, 8)
LENET5 = _controls("lenet5", mnist.LENET5, mnist.LENET5_CONTROLS["dense twin"], 3)
ROW = MLP["row switcher"]
MLP["random mask, first layer drawn by how much the inputs vary"] = Experiment(
    f"{ROW.name}, random mask, varied inputs", "mlp", "varied inputs", ROW.settings, ROW.name
)
EXPERIMENTS = [e for e in unique(MLP, LENET5) if e.method != "dense"]
