"""MNIST: the paper's networks, the method, and every control beside it. Test split.

Settings were chosen on the validation split; `mnist_search` has the rows, but for what is in
`recipes/results/tried/mnist.json`.
"""

from dataclasses import replace

from recipes.alternation import WHILE_LOSS_FALLS
from recipes.settings import Settings
from recipes.studies.baselines import CONTROLS, Family, kept, point, unique

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


MLPS = Family("mlp", MLP, "mlp {}")
DENSE = Family("mlp", MLP_DENSE, "mlp {}").make("dense", "dense")
MLP_CONTROLS = {"dense twin": DENSE, **MLPS.controls(*CONTROLS)}
ROW = MLP_CONTROLS["row switcher"]


def _other_schedule(keep=MLP.budget, named="mlp {}"):
    """The method with two cosines, as magnitude pruning has them, and that with one."""
    family, one = Family("mlp", MLP, named), "magnitude, one cosine"
    two = family.make("row, two cosines", schedule="two cosines", budget=keep)
    return {
        "row switcher, two cosines": two,
        "magnitude pruning, same epochs, one cosine": family.make(one, one),
    }


SCHEDULES = {
    "dense twin": DENSE,
    "dense twin, two cosines": Family("mlp", MLP_DENSE, "mlp {}").make(
        "dense, two cosines", "dense", schedule="two cosines"
    ),
    "row switcher": ROW,
    "magnitude pruning, same epochs": MLP_CONTROLS["magnitude pruning, same epochs"],
    **_other_schedule(),
}
_HALF_ZEROS = {"start": "half_zeros"}
_SL = {"alternation": "switcher", "warmup_epochs": 15}
# One thing changed at a time.
ABLATIONS = {
    "row switcher: ceiling 1.5, joint, budget": ROW,
    "without a ceiling, gradient not clipped": MLPS.make(
        "no ceiling, no clipping", ceiling=None, switcher_clipnorm=None
    ),
    "without a budget": MLPS.make("no budget", budget=None),
    "from half zeros": MLPS.make("half zeros", **_HALF_ZEROS),
    "from half zeros, without a budget": MLPS.make(
        "half zeros, no budget", budget=None, **_HALF_ZEROS
    ),
    "no gradient through the switcher's input": MLPS.make("detached", detached=True),
    "alternating per batch (AL)": MLPS.make("per batch", alternation="batch"),
    "alternating per epoch (AL)": MLPS.make("per epoch", alternation="epoch"),
    "first the task alone, then the switcher alone, whose budget falls then (SL)": MLPS.make(
        "SL", **_SL, budget_start=0.5, budget_end=0.7
    ),
    "U-Net, stacked, without a ceiling": MLPS.make("U-Net stacked", seeds=1, switcher="unet"),
    "U-Net, per layer, without a ceiling": MLPS.make(
        "U-Net per layer", seeds=1, switcher="unet_per_layer"
    ),
}
BUDGETS = {
    f"{100 * keep:.0f} % of the weights": {
        "dense twin": DENSE,
        **point("mlp", MLP, keep),
        **_other_schedule(keep, f"mlp {{}}, {kept(keep)}"),
    }
    for keep in POINTS
}
_LENET5_DENSE = Family("lenet5", LENET5_DENSE, "lenet5 {}")
LENET5_CONTROLS = {
    "dense twin": _LENET5_DENSE.make("dense", "dense"),
    # It has no vectors as inputs.
    **Family("lenet5", LENET5, "lenet5 {}").controls(*CONTROLS[:-1]),
}
LENET5_FAR = {
    "dense twin": _LENET5_DENSE.make("dense, 40 epochs", "dense", seeds=3, epochs=40),
    **point("lenet5", replace(LENET5, epochs=40), FAR, seeds=3),
}
LENET5_MACS = {
    "dense twin": LENET5_CONTROLS["dense twin"],
    **point("lenet5", replace(LENET5, budget_of="macs"), MACS, seeds=3),
}
_PAPERS = Family("mlp_paper", LITERAL, "mlp literal, {}", seeds=1)
PAPER = {
    "dense twin, 30 epochs": _PAPERS.make("dense", "dense", seeds=3),
    "whole epochs in turn, 30 epochs": _PAPERS.make("30 epochs", seeds=3),
    "algorithm 1, 30 epochs": _PAPERS.make("algorithm 1, 30 epochs", alternation=WHILE_LOSS_FALLS),
    "SL, 30 epochs": _PAPERS.make("SL, 30 epochs", **_SL),
    "dense twin, 100 epochs": _PAPERS.make("dense, 100 epochs", "dense", epochs=100),
    "whole epochs in turn, 100 epochs": _PAPERS.make("100 epochs", epochs=100),
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
