"""MNIST: a factor per connection of the dense layers, and the controls beside it. Test split.

The dense twins are those of the study `mnist`, and so are the settings; what was tried on the
validation split is in `recipes/results/mnist_tried.csv`.
"""

from dataclasses import replace

from recipes.evidence import mnist
from recipes.evidence.experiment import Experiment
from recipes.evidence.tables import Table

# A little below the tenth that is asked for: training settles on it.
CHANGES = {"connections": True, "budget": 0.098}
MLP = replace(mnist.MLP, **CHANGES)
LENET5 = replace(mnist.LENET5, **CHANGES)


def _family(task, base, of_free, seeds):
    """The method and its controls at one budget."""
    row = f"{task} connections"

    def switched(name, **changes):
        settings = replace(base, **changes)
        return Experiment(f"{row}{name}", task, "switched", settings, seeds=seeds)

    return [
        switched(""),
        switched(", frozen", switcher="frozen"),
        switched(", free", switcher="free", switcher_learning_rate=of_free),
        switched(", shuffled", switcher="shuffled"),
        switched(", constant", switcher="constant"),
        Experiment(f"{row}, random mask", task, "random structure", base, row, seeds=seeds),
        Experiment(f"{row}, magnitude", task, "magnitude", base, row, seeds=seeds, share=0.5),
    ]


EXPERIMENTS = [
    *_family("mlp", MLP, of_free=30.0, seeds=8),
    *_family("lenet5", LENET5, of_free=30.0, seeds=3),
]
LINES = {
    "row switcher": "",
    "frozen switcher, ranked to the budget": ", frozen",
    "free factors": ", free",
    "shuffled input": ", shuffled",
    "constant input": ", constant",
    "random mask, same density per layer": ", random mask",
    "magnitude pruning, same epochs": ", magnitude",
}


def _lines(task):
    names = {label: f"{task} connections{name}" for label, name in LINES.items()}
    return {"dense twin": f"{task} dense", **names}


TABLES = [
    Table(
        "MNIST, MLP 784-300-100-10: single connections and their controls",
        "30 epochs, batch 64, a budget of 9.8 % of the weights.",
        _lines("mlp"),
    ),
    Table(
        "MNIST, LeNet5-Caffe: single connections of the dense layers and their controls",
        "20 epochs, batch 64, a budget of 9.8 % of the weights; convolutions stay whole.",
        _lines("lenet5"),
    ),
]
