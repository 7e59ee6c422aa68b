"""MNIST: the paper's networks, the method, and every control beside it. Test split.

Settings were chosen on the validation split; `mnist_search` has the rows, but for what is in
`recipes/results/tried/mnist.json`.
"""

from dataclasses import replace

from recipes.settings import Settings
from recipes.studies.tables import Shared, kept, point, unique

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


OF_VECTORS = ("inputs that vary most, units random, from scratch",)

_dense = Shared("mlp", MLP_DENSE, "mlp {}")
_mlp = Shared("mlp", MLP, "mlp {}")
DENSE = _dense.make("dense", "dense")
MLP_CONTROLS = {"dense twin": DENSE, **_mlp.lines("controls")}
ROW = MLP_CONTROLS["row switcher"]
SCHEDULES = {
    "dense twin": DENSE,
    "dense twin, two cosines": _dense.make("dense, two cosines", "dense", schedule="two cosines"),
    "row switcher": ROW,
    "magnitude pruning, same epochs": MLP_CONTROLS["magnitude pruning, same epochs"],
    **_mlp.lines("other_schedule"),
}
ABLATIONS = _mlp.lines("ablations")


def _budget(keep):
    lines = {"dense twin": DENSE, **point("mlp", MLP, keep)}
    lines |= Shared("mlp", MLP, f"mlp {{}}, {kept(keep)}").lines("other_schedule")
    two = lines["row switcher, two cosines"]
    return lines | {
        "row switcher, two cosines": replace(two, settings=replace(two.settings, budget=keep))
    }


BUDGETS = {f"{100 * keep:.0f} % of the weights": _budget(keep) for keep in POINTS}
_lenet5_dense = Shared("lenet5", LENET5_DENSE, "lenet5 {}")
LENET5_CONTROLS = {
    "dense twin": _lenet5_dense.make("dense", "dense"),
    **Shared("lenet5", LENET5, "lenet5 {}").lines("controls", without=OF_VECTORS),
}
LENET5_FAR = {
    "dense twin": _lenet5_dense.make("dense, 40 epochs", "dense", seeds=3, epochs=40),
    **point("lenet5", replace(LENET5, epochs=40), FAR, seeds=3),
}
LENET5_MACS = {
    "dense twin": LENET5_CONTROLS["dense twin"],
    **point("lenet5", replace(LENET5, budget_of="macs"), MACS, seeds=3),
}
PAPER = Shared("mlp_paper", LITERAL, "mlp literal, {}", seeds=1).lines("paper")
EXPERIMENTS = unique(
    *(MLP_CONTROLS, SCHEDULES, ABLATIONS, *BUDGETS.values()),
    *(LENET5_CONTROLS, LENET5_FAR, LENET5_MACS, PAPER),
)
