"""What the project's README shows of the studies, as Markdown: means, and where there are more."""

from recipes.evidence.digits_controls import TABLES as OF_DIGITS
from recipes.evidence.digits_residual import NETWORKS as NORMALIZED
from recipes.evidence.digits_residual import SEEDS, UNIFORM
from recipes.evidence.families import POINT, kept, lines
from recipes.evidence.mnist import FAR, MACS, POINTS
from recipes.evidence.mnist_connections import TABLES as OF_CONNECTIONS
from recipes.evidence.mnist_tables import TABLES as OF_MNIST
from recipes.evidence.summary import difference, spread
from recipes.evidence.tables import signed
from recipes.evidence.versions import MARK, MEANING, versions

TEXT = """\
Test accuracy of the last epoch in percent, means of 8 seeds (LeNet5 by connections: 3); in brackets
how many seeds there are where some are still to be run. "Difference" is that between row switcher
and dense twin, seed by seed, with its standard error. What is removed is what the row switcher
removes. The controls have its widths or its budget; uniform width has its MACs, and switchers that
are never trained may miss the budget. `recipes/README.md` has what each of them removes, and
spreads.
"""
CURVE = """\
The MLP of MNIST at other budgets, with a learning rate that falls as one cosine over all epochs or
as two of half of them (magnitude pruning: before it prunes, and after):
"""
OTHERS = """\
LeNet5 at the far end and under a budget of MACs, 3 seeds, and the MLP with the paper's literal
settings (U-Net, half zeros, whole epochs in turn, no budget), 3 seeds of 30 epochs and one of 100:
"""
OF_NORMALIZED = f"""\
Two small networks with residual sums and batch normalisation, one of them with depthwise
convolutions, on the digits, under budgets of MACs, {SEEDS} seeds (one image is .28 points):
"""
# What a column says, and the table that it is taken from.
NETWORKS = {
    "digits, MLP": OF_DIGITS[0],
    "MNIST, MLP": OF_MNIST[0],
    "MNIST, LeNet5": next(table for table in OF_MNIST if "LeNet5" in table.title),
    "MLP, connections": OF_CONNECTIONS[0],
    "LeNet5, connections": OF_CONNECTIONS[1],
}
# What a line says, and how the tables call it.
TREATMENTS = {
    "magnitude pruning, same epochs": ["magnitude pruning, same epochs"],
    "free factors": ["free factors"],
    "shuffled input": ["shuffled input"],
    "constant input": ["constant input"],
    "never trained, ranked to the budget": ["frozen switcher, ranked to the budget"],
    "learned structure, from scratch": ["learned structure, from scratch"],
    "by how much the inputs vary, from scratch": [
        "inputs that vary most, units random, from scratch",
        "random mask, first layer drawn by how much the inputs vary",
    ],
    "random structure, from scratch": [
        "random structure, from scratch",
        "random mask, same density per layer",
    ],
    "uniform width, same MACs": ["uniform width, same MACs"],
}
# What columns of the curve say, and how the names of their experiments begin.
OF_CURVE = {
    "row switcher, one cosine": "row",
    "row switcher, two cosines": "row, two cosines",
    "magnitude pruning, one cosine": "magnitude, one cosine",
    "magnitude pruning, two cosines": "magnitude",
    "random structure": "random",
}
# What a line says, the switched network, and what stands beside it.
FURTHER = {
    f"LeNet5, {100 * FAR:.1f} % of the weights": [
        f"lenet5 row, {kept(FAR)}",
        "lenet5 dense, 40 epochs",
        *list(lines("lenet5", POINT, kept(FAR)).values())[1:],
    ],
    f"LeNet5, {100 * MACS:.0f} % of the MACs": [
        f"lenet5 row, {kept(MACS, 'macs')}",
        "lenet5 dense",
        *list(lines("lenet5", POINT, kept(MACS, "macs")).values())[1:],
    ],
    "MLP, the paper's settings": ["mlp literal, 30 epochs", "mlp literal, dense"],
    "the same, 100 epochs": ["mlp literal, 100 epochs", "mlp literal, dense, 100 epochs"],
}


def overview(rows: dict, experiments: list) -> str:
    """Four tables: the method and its controls, the curve, normalised networks, and what else
    was measured.

    Args:
        rows: What `rows_shown` returned of the studies.
        experiments: The studies' experiments.
    """
    seeds = {experiment.name: experiment.seeds for experiment in experiments}

    def accuracy(name):
        found = name and spread(rows, name, "accuracy")
        if not found:
            return "not run" if name else ""
        n = f" ({found.n})" if found.n < seeds[name] else ""
        return f"{100 * found.mean:.2f}{_mark(rows, name)}{n}"

    parts = [*_controls(rows, accuracy), CURVE, *_curve(rows, accuracy)]
    parts += [OF_NORMALIZED, *_normalized(rows, accuracy)]
    tables = "\n".join([*parts, OTHERS, *_further(rows, accuracy)])
    return "\n".join([TEXT, *([MEANING] if MARK in tables else []), tables])


def _controls(rows, accuracy):
    tables = list(NETWORKS.values())
    dense, row = ([table.lines[of] for table in tables] for of in ("dense twin", "row switcher"))
    ahead = [_ahead(rows, *names) for names in zip(row, dense, strict=True)]
    shown = {
        "weights or connections removed, %": [_removed(rows, name, "weights") for name in row],
        "dense twin": map(accuracy, dense),
        "**row switcher**": map(accuracy, row),
        "difference": ahead,
    }
    for label, called in TREATMENTS.items():
        names = [next((t.lines[c] for c in called if c in t.lines), None) for t in tables]
        shown[label] = map(accuracy, names)
    return _table(NETWORKS, shown)


def _curve(rows, accuracy):
    shown = {}
    for keep in POINTS:
        row, *others = lines("mlp", OF_CURVE, kept(keep)).values()
        removed = _removed(rows, row, "weights")
        shown[f"{100 * keep:.0f} % of the weights"] = [removed, *map(accuracy, [row, *others])]
    return _table(["removed, %", *OF_CURVE], shown)


def _normalized(rows, accuracy):
    shown = {}
    named = POINT | UNIFORM
    for task, (_, shares) in NORMALIZED.items():
        for share in shares:
            row, *others = lines(task, named, kept(share, "macs")).values()
            of_each = map(accuracy, [row, *others, f"{task} dense"])
            shown[f"{task}, {100 * share:.0f} % of the MACs"] = [
                _removed(rows, row, "macs"),
                *of_each,
            ]
    return _table(["MACs removed, %", *named, "dense twin"], shown)


def _further(rows, accuracy):
    shown = {}
    for label, (switched, *others) in FURTHER.items():
        removed = [_removed(rows, switched, of) for of in ("weights", "macs")]
        beside = [accuracy(name) for name in others]
        shown[label] = [accuracy(switched), *removed, *beside, *[""] * (3 - len(others))]
    columns = [
        "switched",
        "weights removed, %",
        "MACs removed, %",
        "dense twin",
        "magnitude pruning",
        "random structure",
    ]
    return _table(columns, shown)


def _ahead(rows, name, other):
    found = difference(rows, name, other)
    return signed(found) + (_mark(rows, name, other) if found else "")


def _removed(rows, name, of):
    found = spread(rows, name, f"{of}_removed")
    return f"{100 * found.mean:.1f}{_mark(rows, name)}" if found else ""


def _mark(rows, *names):
    """Behind numbers of rows that are due again."""
    return MARK if MARK in versions(rows, *names) else ""


def _table(columns, shown):
    yield f"| | {' | '.join(columns)} |"
    yield "|---" * (len(columns) + 1) + "|"
    for label, cells in shown.items():
        yield f"| {label} | {' | '.join(cells)} |"
    yield ""
