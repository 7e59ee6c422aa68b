"""The tables and pictures that `recipes/README.md` has of the study `mnist`."""

from recipes.evidence import published
from recipes.evidence.families import CONTROLS, OF_VECTORS, OTHER_SCHEDULE, POINT, kept, lines
from recipes.evidence.mnist import FAR, MACS, POINTS
from recipes.evidence.pictures import Counts, Curve, Pixels
from recipes.evidence.tables import Table

ABLATIONS = {
    "row switcher: ceiling 1.5, joint, budget": "row",
    "without a ceiling, gradient not clipped": "no ceiling, no clipping",
    "without a budget": "no budget",
    "from half zeros": "half zeros",
    "from half zeros, without a budget": "half zeros, no budget",
    "no gradient through the switcher's input": "detached",
    "alternating per batch (AL)": "per batch",
    "alternating per epoch (AL)": "per epoch",
    "first the task alone, then the switcher alone, whose budget falls then (SL)": "SL",
    "U-Net, stacked, without a ceiling": "U-Net stacked",
    "U-Net, per layer, without a ceiling": "U-Net per layer",
}


TABLES = [
    Table(
        "MNIST, MLP 784-300-100-10: the method and its controls",
        "A budget of 23.5 % of the weights where there is one. MLPs initialised anew have "
        "exchangeable hidden units: from scratch, structures of the same widths differ in their "
        "inputs only.",
        lines("mlp", CONTROLS | OF_VECTORS),
        published.MLP,
    ),
    Table(
        "MNIST, MLP: one cosine or two",
        "Magnitude pruning has two by nature: the rate falls before pruning, and again after it. "
        "Here it has one over all epochs as well, and the others have two, of half the epochs.",
        {
            "dense twin": "mlp dense",
            "dense twin, two cosines": "mlp dense, two cosines",
            "row switcher": "mlp row",
            "magnitude pruning, same epochs": "mlp magnitude",
            **lines("mlp", OTHER_SCHEDULE),
        },
    ),
    Table(
        "MNIST, MLP: ablations",
        "One thing changed at a time. Per epoch and in SL the task network is updated in half of "
        "the epochs; in all of them otherwise.",
        lines("mlp", ABLATIONS),
    ),
    Table(
        "MNIST, LeNet5-Caffe 20-50-800-500: the method and its controls",
        "Convolutions and dense layers gated together, a budget of 14.5 % of the weights where "
        "there is one.",
        lines("lenet5", CONTROLS),
        published.LENET5,
    ),
    Table(
        "MNIST, LeNet5-Caffe: far end",
        "A budget of 1.4 % of the weights.",
        {"dense twin": "lenet5 dense, 40 epochs", **lines("lenet5", POINT, kept(FAR))},
        published.LENET5,
    ),
    Table(
        "MNIST, LeNet5-Caffe: a budget of MACs",
        f"A budget of {MACS:.0%} of the MACs.",
        {"dense twin": "lenet5 dense", **lines("lenet5", POINT, kept(MACS, "macs"))},
    ),
    Table(
        "MNIST, MLP: the settings of the paper and its code",
        "U-Net with running statistics, half zeros, SGD without momentum or weight decay, rates by "
        "ten at 1/2 and 3/4, dense weights from N(0, .1^2), no budget. Turns are whole epochs, as "
        "in the code, or end when the loss of an epoch stops falling, as in algorithm 1; SL trains "
        "the task network alone, then the switcher alone. The dense twin is updated in all epochs, "
        "task networks under a switcher in about half of them. In algorithm 1 the switcher begins; "
        "its loss fell wherever it was printed, every third epoch, and accuracy stayed near where "
        "it was after three: the turn seems never to have come to the task network, whose weights "
        "are random then.",
        {
            "dense twin, 30 epochs": "mlp literal, dense",
            "whole epochs in turn, 30 epochs": "mlp literal, 30 epochs",
            "algorithm 1, 30 epochs": "mlp literal, algorithm 1, 30 epochs",
            "SL, 30 epochs": "mlp literal, SL, 30 epochs",
            "dense twin, 100 epochs": "mlp literal, dense, 100 epochs",
            "whole epochs in turn, 100 epochs": "mlp literal, 100 epochs",
        },
        published.MLP[:3],
    ),
]

TABLES += [
    Table(
        f"MNIST, MLP: a budget of {keep:.0%} of the weights",
        "A point of the curve below. Magnitude pruning has two cosines unless its line says one.",
        {"dense twin": "mlp dense", **lines("mlp", POINT | OTHER_SCHEDULE, kept(keep))},
    )
    for keep in POINTS
]

# By name of file.
PICTURES = {
    "mnist_mlp_curve.png": Curve(
        "MNIST, MLP: accuracy over weights removed",
        {
            label: [f"mlp {name}, {kept(keep)}" for keep in POINTS]
            for label, name in (POINT | OTHER_SCHEDULE).items()
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
