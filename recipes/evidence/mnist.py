"""MNIST: the paper's networks, the method, and every control beside it. Test split.

Settings were chosen on the validation split; `mnist_search` has the log, but for what is
in `recipes/results/mnist_tried.csv`.
"""

from dataclasses import replace

from recipes.evidence.experiment import Experiment
from recipes.evidence.families import family, kept, other_schedule, point, switched
from recipes.settings import Settings
from recipes.turns import WHILE_LOSS_FALLS

MLP_DENSE = Settings(weight_decay=0.003, switcher_learning_rate=0.005, budget=0.235)
LENET5_DENSE = replace(MLP_DENSE, epochs=20, learning_rate=0.05, budget=0.145)
MLP_DENSE_TWO = replace(MLP_DENSE, schedule="two cosines")
HEAD = {"ceiling": 1.5, "switcher_clipnorm": 1.0}
MLP, LENET5 = replace(MLP_DENSE, **HEAD), replace(LENET5_DENSE, **HEAD)
# The paper's and its code's: no momentum, no decay, rates by ten at 1/2 and 3/4; dense weights
# start with a spread of .1 (`mlp_paper`).
LITERAL = Settings(
    learning_rate=0.1,
    switcher_learning_rate=0.1,
    momentum=0.0,
    schedule="steps",
    switcher="unet_literal",
    start="half_zeros",
    alternation="epoch",
    budget=None,
)
LITERAL_LONG = replace(LITERAL, epochs=100)
POINTS = (0.5, 0.25, 0.1, 0.05, 0.02)
# Where others have published LeNet5-Caffe: 98.6 to 99.4 % of the weights removed.
LENET5_FAR, FAR = replace(LENET5, epochs=40), 0.014
LENET5_FAR_DENSE = replace(LENET5_DENSE, epochs=40)
LENET5_MACS, MACS = replace(LENET5, budget_of="macs"), 0.25


def _ablations(task, settings):
    """One thing changed at a time."""

    def changed(name, seeds=8, **changes):
        return switched(f"{task} {name}", task, settings, seeds, **changes)

    half = settings.epochs // 2
    return [
        changed("no ceiling, no clipping", ceiling=None, switcher_clipnorm=None),
        changed("no budget", budget=None),
        changed("half zeros, no budget", start="half_zeros", budget=None),
        changed("half zeros", start="half_zeros"),
        changed("detached", detached=True),
        changed("per batch", alternation="batch"),
        changed("per epoch", alternation="epoch"),
        changed("SL", alternation="switcher", warmup_epochs=half, budget_start=0.5, budget_end=0.7),
        changed("U-Net stacked", seeds=1, switcher="unet"),
        changed("U-Net per layer", seeds=1, switcher="unet_per_layer"),
    ]


def _literal(name, seeds=1, **changes):
    return switched(f"mlp literal, {name}", "mlp_paper", LITERAL, seeds, **changes)


EXPERIMENTS = [
    *family("mlp", MLP, dense=MLP_DENSE, of_free=1.0),
    *(trial for keep in POINTS for trial in point("mlp", MLP, keep)),
    Experiment("mlp dense, two cosines", "mlp", "dense", MLP_DENSE_TWO),
    *other_schedule("mlp", MLP, MLP.budget),
    *(trial for keep in POINTS for trial in other_schedule("mlp", MLP, keep, kept(keep))),
    *_ablations("mlp", MLP),
    *family("lenet5", LENET5, dense=LENET5_DENSE, of_free=1.0, reads_vectors=False),
    Experiment("lenet5 dense, 40 epochs", "lenet5", "dense", LENET5_FAR_DENSE, seeds=3),
    *point("lenet5", LENET5_FAR, FAR, seeds=3),
    *point("lenet5", LENET5_MACS, MACS, seeds=3),
    _literal("30 epochs", seeds=3),
    switched("mlp literal, 100 epochs", "mlp_paper", LITERAL_LONG, seeds=1),
    _literal("algorithm 1, 30 epochs", alternation=WHILE_LOSS_FALLS),
    _literal("SL, 30 epochs", alternation="switcher", warmup_epochs=15),
    Experiment("mlp literal, dense", "mlp_paper", "dense", LITERAL, seeds=3),
    Experiment("mlp literal, dense, 100 epochs", "mlp_paper", "dense", LITERAL_LONG, seeds=1),
]
