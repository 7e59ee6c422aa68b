"""The log of what was tried, as Markdown."""

from recipes.evidence.summary import Spread, spread
from recipes.evidence.versions import versions

SEARCHED = "### What was tried, on the validation split (10,000 images of the training set)"
MNIST_TRIED = """\
### What else was tried, by hand

On the same validation split, the MLP unless the name says otherwise, with 23.5 % of the weights
kept unless the name says otherwise. Changes of the code that were not kept, or not yet options when
they were tried: these rows (`recipes/results/mnist_tried.csv`) have no command, and are of version
0.1.0.
"""
DIGITS_TRIED = """\
### How a budget counts where what reads a group is normalised

The networks of the study `digits_residual` on its validation split, and that of
`tests/test_counted_channels.py` after 480 updates, on the 517 images that it does not see. The
study's code takes ratios five times, as was found by hand before, on splits that share images with
the test split; the others are changes of it (`recipes/results/digits_tried.csv`, no command,
version 0.1.0).
"""
PULL_TRIED = """\
### What a budget pulls at

Changes of `keras_switcher.training.pull`, on validation splits, of the studies `digits_residual`,
`digits_controls`, `mnist` and `mnist_connections`. By ratios alone the MLP of MNIST kept pixels
that are always zero; every factor alike, the network without normalisations faded. Rows have no
command (`recipes/results/pull_tried.csv`); of the network without normalisations the last share is
that of MACs.
"""
HEADER = (
    "| setting | epochs | accuracy, % | loss | weights removed, % | n | version |\n"
    + "|---" * 7
    + "|"
)


def searched(rows: dict, experiments: list) -> str:
    """What a study on a validation split has found.

    Args:
        rows: What `rows_shown` returned of the study.
        experiments: The study's experiments.
    """
    lines = []
    for experiment in experiments:
        found = [spread(rows, experiment.name, f) for f in ("accuracy", "loss", "weights_removed")]
        if found[0]:
            of = versions(rows, experiment.name)
            lines.append(_line(experiment.name, experiment.settings.epochs, of, *found))
    return "\n".join([SEARCHED, "", HEADER, *lines, ""])


def by_hand(text: str, rows: list[dict], version: str = "0.1.0") -> str:
    """What was tried without a study.

    Args:
        text: What they have in common.
        rows: The rows of a CSV file.
        version: The version of keras_switcher that was changed.
    """
    tried = {}
    for row in rows:
        tried.setdefault((row["tried"], row["epochs"]), []).append(row)
    lines = [
        _line(
            name,
            epochs,
            version,
            *(
                Spread.of([float(row[field]) for row in same])
                for field in ("accuracy", "loss", "weights_removed")
            ),
        )
        for (name, epochs), same in tried.items()
    ]
    return "\n".join([text, HEADER, *lines, ""])


def _line(name, epochs, version, accuracy, loss, removed):
    cells = [accuracy.text(100, 2), loss.text(1, 4), removed.text(100, 1)]
    return f"| {name} | {epochs} | {' | '.join(cells)} | {accuracy.n} | {version} |"
