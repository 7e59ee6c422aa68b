"""MNIST: the paper's networks, the method, and every control beside it. Test split.

Settings were chosen on the validation split; `mnist_search` has the rows, but for what is in
`recipes/results/tried/mnist.json`.
"""

from dataclasses import replace

from recipes.alternation import WHILE_LOSS_FALLS
from recipes.settings import Settings
from recipes.studies.baselines import controls, kept, other_schedule, point, switched, unique
from recipes.trials.experiment import Experiment

MLP_DENSE = Settings(weight_decay=0.003, switcher_learning_rate=0.005, budget=0.235)
LENET5_DENSE = replace(MLP_DENSE, epochs=20, learning_rate=0.05, budget=0.145)
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
POINTS = (0.5, 0.25, 0.1, 0.05, 0.02)
# Where others have published LeNet5-Caffe: 98.6 to 99.4 % of the weights removed.
FAR, MACS = 0.014, 0.25


def _ablated(name, seeds=8, **changes):
    return switched(f"mlp {name}", "mlp", MLP, seeds, **changes)


def _literal(name, seeds=1, **changes):
    return switched(f"mlp literal, {name}", "mlp_paper", LITERAL, seeds, **changes)


def _literal_dense(name, seeds, **changes):
    settings = replace(LITERAL, **changes)
    return Experiment(f"mlp literal, {name}", "mlp_paper", "dense", settings, seeds=seeds)


MLP_CONTROLS = controls("mlp", MLP, dense=MLP_DENSE, of_free=1.0)
DENSE, ROW = MLP_CONTROLS["dense twin"], MLP_CONTROLS["row switcher"]
TWO_COSINES = replace(MLP_DENSE, schedule="two cosines")
SCHEDULES = {
    "dense twin": DENSE,
    "dense twin, two cosines": Experiment("mlp dense, two cosines", "mlp", "dense", TWO_COSINES),
    "row switcher": ROW,
    "magnitude pruning, same epochs": MLP_CONTROLS["magnitude pruning, same epochs"],
    **other_schedule("mlp", MLP, MLP.budget),
}
# One thing changed at a time.
ABLATIONS = {
    "row switcher: ceiling 1.5, joint, budget": ROW,
    "without a ceiling, gradient not clipped": _ablated(
        "no ceiling, no clipping", ceiling=None, switcher_clipnorm=None
    ),
    "without a budget": _ablated("no budget", budget=None),
    "from half zeros": _ablated("half zeros", start="half_zeros"),
    "from half zeros, without a budget": _ablated(
        "half zeros, no budget", start="half_zeros", budget=None
    ),
    "no gradient through the switcher's input": _ablated("detached", detached=True),
    "alternating per batch (AL)": _ablated("per batch", alternation="batch"),
    "alternating per epoch (AL)": _ablated("per epoch", alternation="epoch"),
    "first the task alone, then the switcher alone, whose budget falls then (SL)": _ablated(
        "SL", alternation="switcher", warmup_epochs=15, budget_start=0.5, budget_end=0.7
    ),
    "U-Net, stacked, without a ceiling": _ablated("U-Net stacked", 1, switcher="unet"),
    "U-Net, per layer, without a ceiling": _ablated(
        "U-Net per layer", 1, switcher="unet_per_layer"
    ),
}
BUDGETS = {
    f"{100 * keep:.0f} % of the weights": {
        "dense twin": DENSE,
        **point("mlp", MLP, keep),
        **other_schedule("mlp", MLP, keep, f", {kept(keep)}"),
    }
    for keep in POINTS
}
LENET5_CONTROLS = controls("lenet5", LENET5, LENET5_DENSE, of_free=1.0, reads_vectors=False)
LENET5_FAR = {
    "dense twin": Experiment(
        "lenet5 dense, 40 epochs", "lenet5", "dense", replace(LENET5_DENSE, epochs=40), seeds=3
    ),
    **point("lenet5", replace(LENET5, epochs=40), FAR, seeds=3),
}
LENET5_MACS = {
    "dense twin": LENET5_CONTROLS["dense twin"],
    **point("lenet5", replace(LENET5, budget_of="macs"), MACS, seeds=3),
}
PAPER = {
    "dense twin, 30 epochs": _literal_dense("dense", 3),
    "whole epochs in turn, 30 epochs": _literal("30 epochs", seeds=3),
    "algorithm 1, 30 epochs": _literal("algorithm 1, 30 epochs", alternation=WHILE_LOSS_FALLS),
    "SL, 30 epochs": _literal("SL, 30 epochs", alternation="switcher", warmup_epochs=15),
    "dense twin, 100 epochs": _literal_dense("dense, 100 epochs", 1, epochs=100),
    "whole epochs in turn, 100 epochs": _literal("100 epochs", epochs=100),
}
FURTHER = {
    f"LeNet5, {100 * FAR:.1f} % of the weights": LENET5_FAR,
    f"LeNet5, {100 * MACS:.0f} % of the MACs": LENET5_MACS,
    **{
        label: {"row switcher": PAPER[f"whole epochs in turn, {epochs} epochs"]}
        | {"dense twin": PAPER[f"dense twin, {epochs} epochs"]}
        for label, epochs in {"MLP, the paper's settings": 30, "the same, 100 epochs": 100}.items()
    },
}
EXPERIMENTS = unique(
    *(MLP_CONTROLS, SCHEDULES, ABLATIONS, *BUDGETS.values()),
    *(LENET5_CONTROLS, LENET5_FAR, LENET5_MACS, PAPER),
)
