"""Deciders: the row switcher minus each rival, network by network, and how often who is ahead."""

from recipes.report.pairs import verdict
from recipes.report.statistics import Rows, signed
from recipes.report.tables import markdown
from recipes.studies import (
    cifar10,
    deciders_mnist,
    decision,
    digits_controls,
    digits_residual,
    milliseconds,
    mnist,
    mnist_connections,
)
from recipes.studies.tables import Lines, kept

ROW = "row switcher"
ONE_STEP = "magnitude pruning, same epochs"
TWO_CYCLES = f"{ONE_STEP}, two cycles"
ONE_CYCLE = f"{ONE_STEP}, one cosine"
# Labels of lines by what a column says: of several labels the first counts that a table has.
RIVALS = {
    "gradual magnitude": ("gradual magnitude",),
    "magnitude in one step, two cycles": (TWO_CYCLES, ONE_STEP),
    "magnitude in one step, one cycle": (ONE_CYCLE,),
    "free factors": ("free factors",),
    "shuffled input": ("shuffled input",),
    "uniform width": ("uniform width, same MACs", "uniform width, same weights"),
    "random structure": ("random structure, from scratch", "random mask, same density per layer"),
}
# There, pruning in one step has one cycle of the rate where nothing is said.
_OF_CIFAR10 = {
    f"CIFAR-10, {task}, {100 * keep:.0f} % of the {cifar10.SETTINGS[task].budget_of}": {
        ONE_CYCLE if label == ONE_STEP else label: line for label, line in lines.items()
    }
    for (task, keep), lines in cifar10.POINTS.items()
}

_CALLED = {"residual": "digits, residual", "small_residual": "part of CIFAR-10, small residual"}


def _at_milliseconds(task: str) -> dict[str, Lines]:
    """The deciders of the study `milliseconds` at each of its budgets."""
    budgets = [(milliseconds.MILLISECONDS, "latency")]
    budgets += [(share, "macs") for share in milliseconds.MACS[task]]
    return {
        f"{_CALLED[task]}, {(said := kept(*budget)).removesuffix(' kept')}": {
            decider: milliseconds.LINES[task][f"{decider}, {said}"]
            for decider in milliseconds.DECIDERS
        }
        for budget in budgets
    }


TABLES: dict[str, Lines] = {
    "digits, MLP": digits_controls.CONTROLS,
    "MNIST, MLP": mnist.MLP_CONTROLS,
    **{f"MNIST, MLP, {budget}": lines for budget, lines in mnist.BUDGETS.items()},
    **{f"MNIST, MLP, {budget}, 16 seeds": lines for budget, lines in deciders_mnist.MLP.items()},
    "MNIST, LeNet5": mnist.LENET5_CONTROLS,
    "MNIST, LeNet5, 1.4 % of the weights": mnist.LENET5_FAR,
    "MNIST, LeNet5, 25 % of the MACs": mnist.LENET5_MACS,
    "MNIST, MLP, connections": mnist_connections.MLP,
    "MNIST, LeNet5, connections": mnist_connections.LENET5,
    **{f"digits, {budget}": lines for budget, lines in digits_residual.BUDGETS.items()},
    **_at_milliseconds("residual"),
    **{f"part of CIFAR-10, {budget}": lines for budget, lines in decision.BUDGETS.items()},
    **_at_milliseconds("small_residual"),
    **_OF_CIFAR10,
    "CIFAR-10, ResNet-20, trained, 5 epochs": {
        ROW: cifar10.FINE_TUNING["row switcher around the trained network"],
        "gradual magnitude": cifar10.FINE_TUNING["gradual magnitude around the trained network"],
        "free factors": cifar10.FINE_TUNING["free factors around the trained network"],
        ONE_CYCLE: cifar10.FINE_TUNING["magnitude pruning to the same widths"],
    },
}


def against(rows: Rows) -> str:
    """The differences in points with their standard errors; bold beyond two of these."""
    table = []
    for called, lines in TABLES.items():
        line = {"": called}
        for rival, (found, mark) in _differences(rows, lines).items():
            is_decided = verdict(found) in ("above", "below")
            text = signed(found)
            line[rival] = (f"**{text}**" if is_decided else text) + mark
        if len(line) > 1:
            table.append(line)
    return markdown(table, ["", *RIVALS])


def tally(rows: Rows) -> str:
    """Of the networks and budgets with at least three seeds of both: who is ahead how often."""
    table = []
    for rival in RIVALS:
        found = [_differences(rows, lines).get(rival) for lines in TABLES.values()]
        verdicts = [verdict(difference) for difference, _ in filter(None, found)]
        line = {"row switcher against": rival, "of": str(sum(map(bool, verdicts)))}
        for said in ("above", "below", "not decided"):
            line[said] = str(verdicts.count(said))
        table.append(line)
    return markdown(table)


def _differences(rows: Rows, lines: Lines) -> dict[str, tuple]:
    """The row switcher minus each rival that both have rows with the same seeds, and the mark."""
    found = {}
    for rival, labels in RIVALS.items():
        label = next((label for label in labels if label in lines), None)
        if label is None or ROW not in lines:
            continue
        names = lines[ROW].name, lines[label].name
        if difference := rows.difference(*names):
            found[rival] = difference, rows.mark(*names)
    return found
