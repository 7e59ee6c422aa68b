"""MNIST: a factor per connection of the dense layers, and the controls beside it. Test split.

The dense twins are those of the study `mnist`, and so are the settings; what was tried on the
validation split is in `recipes/results/mnist_tried.csv`.
"""

from dataclasses import replace

from recipes.evidence import mnist
from recipes.evidence.experiment import Experiment
from recipes.evidence.families import FROZEN, lines, switched
from recipes.evidence.tables import Table

# A little below the tenth that is asked for: training settles on it.
CHANGES = {"connections": True, "budget": 0.098}
MLP = replace(mnist.MLP, **CHANGES)
LENET5 = replace(mnist.LENET5, **CHANGES)
VARIED = "mlp connections, random mask, varied inputs"


def _family(task, settings, of_free, seeds):
    """The method and its controls at one budget."""
    row = f"{task} connections"

    def changed(name, **changes):
        return switched(f"{row}, {name}", task, settings, seeds, **changes)

    def given(name, treatment, share=None):
        return Experiment(f"{row}, {name}", task, treatment, settings, row, seeds, share)

    return [
        switched(row, task, settings, seeds),
        changed("frozen", **FROZEN),
        changed("free", switcher="free", switcher_learning_rate=of_free),
        changed("shuffled", switcher="shuffled"),
        changed("constant", switcher="constant"),
        given("random mask", "random structure"),
        given("magnitude", "magnitude", 0.5),
    ]


EXPERIMENTS = [
    *_family("mlp", MLP, of_free=30.0, seeds=8),
    Experiment(VARIED, "mlp", "varied inputs", MLP, "mlp connections"),
    *_family("lenet5", LENET5, of_free=30.0, seeds=3),
]
CONTROLS = {
    "row switcher": "connections",
    "frozen switcher, ranked to the budget": "connections, frozen",
    "free factors": "connections, free",
    "shuffled input": "connections, shuffled",
    "constant input": "connections, constant",
    "random mask, same density per layer": "connections, random mask",
    "magnitude pruning, same epochs": "connections, magnitude",
}


def _lines(task):
    return lines(task, {"dense twin": "dense", **CONTROLS})


TABLES = [
    Table(
        "MNIST, MLP 784-300-100-10: single connections and their controls",
        "A budget of 9.8 % of the weights.",
        {**_lines("mlp"), "random mask, first layer drawn by how much the inputs vary": VARIED},
        connections=True,
    ),
    Table(
        "MNIST, LeNet5-Caffe: single connections of the dense layers and their controls",
        "A budget of 9.8 % of the weights; convolutions stay whole.",
        _lines("lenet5"),
        connections=True,
    ),
]
