"""MNIST: the paper's networks, the method, and every control beside it. Test split.

Settings were chosen on the validation split; `mnist_search` has the log.
"""

from dataclasses import replace

from recipes.evidence import published
from recipes.evidence.experiment import Experiment
from recipes.evidence.pictures import Counts, Curve, Pixels
from recipes.evidence.tables import Table
from recipes.settings import Settings
from recipes.turns import WHILE_LOSS_FALLS

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
LENET5_FAR, FAR = replace(LENET5, epochs=40), 0.014
LENET5_MACS, MACS = replace(LENET5, budget_of="macs"), 0.25


def _family(task, base, dense, of_free):
    """The method, its dense twin, and its controls at one budget."""
    row = f"{task} row"

    def switched(name, seeds=8, **changes):
        return Experiment(f"{task} {name}", task, "switched", replace(base, **changes), seeds=seeds)

    def given(treatment, settings=base, **more):
        return Experiment(f"{task} {treatment}", task, treatment, settings, row, **more)

    return [
        Experiment(f"{task} dense", task, "dense", dense),
        switched("row"),
        switched("frozen", switcher="frozen"),
        switched("frozen, half zeros", switcher="frozen", start="half_zeros", budget=None),
        switched("free", switcher="free", switcher_learning_rate=of_free),
        switched("shuffled", switcher="shuffled"),
        switched("constant", switcher="constant"),
        given("random structure"),
        given("learned structure"),
        given("learned structure, equal cost", seeds=3),
        given("uniform width"),
        given("magnitude", share=0.5),
    ]


POINT = {
    "row switcher": "row",
    "magnitude pruning, same epochs": "magnitude",
    "random structure, from scratch": "random",
}


def _kept(keep, of="weights"):
    """How the names of a point's experiments end."""
    return f"{keep:.1%} kept" if of == "weights" else f"{keep:.1%} of the MACs kept"


def _point(task, base, keep, seeds=8):
    """The method, magnitude pruning and a random structure at one share that is kept."""
    kept = _kept(keep, base.budget_of)
    row = f"{task} row, {kept}"

    def given(name, treatment, share=None):
        name = f"{task} {name}, {kept}"
        return Experiment(name, task, treatment, base, row, seeds, share)

    return [
        Experiment(row, task, "switched", replace(base, budget=keep), seeds=seeds),
        given("magnitude", "magnitude", 0.5),
        given("random", "random structure"),
    ]


def _ablations(task, base):
    """One thing changed at a time."""

    def switched(name, seeds=8, **changes):
        return Experiment(f"{task} {name}", task, "switched", replace(base, **changes), seeds=seeds)

    half = base.epochs // 2
    return [
        switched("no ceiling, no clipping", ceiling=None, switcher_clipnorm=None),
        switched("no budget", budget=None),
        switched("half zeros, no budget", start="half_zeros", budget=None),
        switched("half zeros", start="half_zeros"),
        switched("detached", detached=True),
        switched("per batch", alternation="batch"),
        switched("per epoch", alternation="epoch"),
        switched(
            "SL", alternation="switcher", warmup_epochs=half, budget_start=0.5, budget_end=0.7
        ),
        switched("U-Net stacked", seeds=1, switcher="unet"),
        switched("U-Net per layer", seeds=1, switcher="unet_per_layer"),
    ]


def _literal(name, settings, seeds=1):
    return Experiment(f"mlp literal, {name}", "mlp_paper", "switched", settings, seeds=seeds)


EXPERIMENTS = [
    *_family("mlp", MLP, dense=MLP_DENSE, of_free=1.0),
    *(trial for keep in POINTS for trial in _point("mlp", MLP, keep)),
    *_ablations("mlp", MLP),
    *_family("lenet5", LENET5, dense=LENET5_DENSE, of_free=1.0),
    *_point("lenet5", LENET5_FAR, FAR, seeds=3),
    *_point("lenet5", LENET5_MACS, MACS, seeds=3),
    _literal("30 epochs", LITERAL, seeds=3),
    _literal("100 epochs", replace(LITERAL, epochs=100)),
    _literal("algorithm 1, 30 epochs", replace(LITERAL, alternation=WHILE_LOSS_FALLS)),
    Experiment("mlp literal, dense", "mlp_paper", "dense", LITERAL, seeds=3),
]

CONTROLS = {
    "dense twin": "dense",
    "row switcher": "row",
    "frozen switcher, ranked to the budget": "frozen",
    "frozen switcher, half zeros": "frozen, half zeros",
    "free factors": "free",
    "shuffled input": "shuffled",
    "constant input": "constant",
    "random structure, from scratch": "random structure",
    "learned structure, from scratch": "learned structure",
    "learned structure, from scratch, same total MACs": "learned structure, equal cost",
    "uniform width, same MACs": "uniform width",
    "magnitude pruning, same epochs": "magnitude",
}
ABLATIONS = {
    "row switcher: ceiling 1.5, joint, near one, budget": "row",
    "without a ceiling, gradient not clipped": "no ceiling, no clipping",
    "without a budget": "no budget",
    "from half zeros": "half zeros",
    "from half zeros, without a budget": "half zeros, no budget",
    "no gradient through the switcher's input": "detached",
    "alternating per batch (AL)": "per batch",
    "alternating per epoch (AL)": "per epoch",
    "first the task alone, then the switcher alone (SL)": "SL",
    "U-Net, stacked": "U-Net stacked",
    "U-Net, per layer": "U-Net per layer",
}


def _lines(task, lines, kept=None):
    end = f", {kept}" if kept else ""
    return {label: f"{task} {name}{end}" for label, name in lines.items()}


TABLES = [
    Table(
        "MNIST, MLP 784-300-100-10: the method and its controls",
        "30 epochs, batch 64, a budget of 23.5 % of the weights where there is one.",
        _lines("mlp", CONTROLS),
        published.MLP,
    ),
    Table(
        "MNIST, MLP: ablations",
        "One thing changed at a time.",
        _lines("mlp", ABLATIONS),
    ),
    Table(
        "MNIST, LeNet5-Caffe 20-50-800-500: the method and its controls",
        "20 epochs, batch 64, convolutions and dense layers gated together, a budget of 14.5 % of "
        "the weights where there is one.",
        _lines("lenet5", CONTROLS),
        published.LENET5,
    ),
    Table(
        "MNIST, LeNet5-Caffe: far end",
        "40 epochs, a budget of 1.4 % of the weights.",
        _lines("lenet5", POINT, _kept(FAR)),
        published.LENET5,
    ),
    Table(
        "MNIST, LeNet5-Caffe: a budget of MACs",
        f"20 epochs, {MACS:.0%} of the MACs.",
        _lines("lenet5", POINT, _kept(MACS, "macs")),
    ),
    Table(
        "MNIST, MLP: the settings of the paper and its code",
        "U-Net with running statistics, half zeros, SGD without momentum or weight decay, rates by "
        "ten at 1/2 and 3/4, dense weights from N(0, .1^2), no budget. Turns are whole epochs, as "
        "in the code, or end when the loss of an epoch stops falling, as in algorithm 1.",
        {
            "dense twin, 30 epochs": "mlp literal, dense",
            "whole epochs in turn, 30 epochs": "mlp literal, 30 epochs",
            "algorithm 1, 30 epochs": "mlp literal, algorithm 1, 30 epochs",
            "whole epochs in turn, 100 epochs": "mlp literal, 100 epochs",
        },
        published.MLP[:3],
    ),
]

TABLES += [
    Table(
        f"MNIST, MLP: a budget of {keep:.0%} of the weights",
        "A point of the curve below.",
        _lines("mlp", POINT, _kept(keep)),
    )
    for keep in POINTS
]

# By name of file.
PICTURES = {
    "mnist_mlp_curve.png": Curve(
        "MNIST, MLP: accuracy over weights removed",
        {
            "row switcher": [f"mlp row, {keep:.1%} kept" for keep in POINTS],
            "magnitude pruning": [f"mlp magnitude, {keep:.1%} kept" for keep in POINTS],
            "random structure": [f"mlp random, {keep:.1%} kept" for keep in POINTS],
        },
        "mlp dense",
    ),
    "mnist_mlp_counts.png": Counts("MNIST, MLP: channels over the epochs, row switcher", "mlp row"),
    "mnist_mlp_pixels.png": Pixels(
        "MNIST, MLP: pixels that are kept", "mlp row", "hidden_1/inputs", (28, 28)
    ),
    "mnist_lenet5_counts.png": Counts(
        "MNIST, LeNet5-Caffe: channels over the epochs, row switcher", "lenet5 row"
    ),
}
