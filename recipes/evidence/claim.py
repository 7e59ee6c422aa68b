"""What the rows say about the papers' central claim: a paragraph as Markdown."""

from statistics import mean

from recipes.evidence.summary import difference
from recipes.evidence.tables import signed
from recipes.evidence.versions import versions
from recipes.evidence.written import read_structure

TEXT = """\
## The claim that the knowledge is in the weights

The papers say that the weights of a network know which structure it needs, and that a switcher
finds it by reading them. Points of accuracy minus those of the row switcher, seed by seed, with
standard errors. On the MLP with 76 % of the weights removed a switcher that reads the weights in a
shuffled order has {shuffled}, factors that read nothing and are trained like weights have {free},
a switcher with constant input has {constant}. Trained from scratch, a random structure of the same
widths has {random} and the learned one {learned}. But one that reads no weights at all, the inputs
that vary most over the training set with hidden units at random, has {varied} as well. Hidden units
of an MLP that is initialised anew are exchangeable, so all that such a structure can hand on is
which inputs are kept, and of those that the rule keeps the row switcher keeps {row_keeps} % and
magnitude pruning {magnitude_keeps} %: there the weights know what the variance of the pixels knows.
Of single connections more can be known: with 90 % cut a random mask has {mask}, one whose first
layer is drawn by how much the inputs vary {drawn}. Even so free factors have {connections_free}, a
switcher that reads shuffled weights {connections_shuffled}, magnitude pruning
{connections_magnitude}. On LeNet5, which reads all of its input, the learned structure from scratch
has {lenet5_learned}, a random one {lenet5_random}, free factors have {lenet5_free}. So training
factors together with the weights finds structure; what the switcher's reading of the weights adds
to that is small on these networks. Versions of the rows: {versions}.
"""
ROWS = ("mlp row", "mlp connections", "lenet5 row")
TO_ROW = {
    "shuffled": "mlp shuffled",
    "free": "mlp free",
    "constant": "mlp constant",
    "learned": "mlp learned structure",
    "random": "mlp random structure",
    "varied": "mlp varied inputs",
    "mask": "mlp connections, random mask",
    "drawn": "mlp connections, random mask, varied inputs",
    "connections_free": "mlp connections, free",
    "connections_shuffled": "mlp connections, shuffled",
    "connections_magnitude": "mlp connections, magnitude",
    "lenet5_learned": "lenet5 learned structure",
    "lenet5_random": "lenet5 random structure",
    "lenet5_free": "lenet5 free",
}


def claim(rows: dict) -> str:
    """The paragraph with the numbers of the rows.

    Args:
        rows: What `rows_shown` returned of the studies.
    """
    return TEXT.format(
        **{key: _minus_row(rows, name) for key, name in TO_ROW.items()},
        row_keeps=_overlap(rows, "mlp row"),
        magnitude_keeps=_overlap(rows, "mlp magnitude"),
        versions=versions(rows, *ROWS, *TO_ROW.values()),
    )


def _overlap(rows, name, rule="mlp varied inputs"):
    """How much of what a rule keeps of the first layer's inputs an experiment keeps, in percent."""
    shares = []
    for seed in range(8):
        if (name, seed) in rows and (rule, seed) in rows:
            kept, ruled = (
                read_structure(rows[key, seed]["structure"])["hidden_1/inputs"]
                for key in (name, rule)
            )
            shares.append(100 * (kept & ruled).sum() / ruled.sum())
    return f"{mean(shares):.0f}" if shares else "?"


def _minus_row(rows, name):
    task = name.split()[0]
    row = f"{task} connections" if "connections" in name else f"{task} row"
    return signed(difference(rows, name, row)) or "not been run"
