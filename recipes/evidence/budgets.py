"""Whether what a budget asked for was kept, as Markdown."""

from recipes.evidence.experiment import Experiment
from recipes.evidence.summary import Spread, values
from recipes.evidence.versions import BUDGETS_CHANGED, versions

TITLE = """\
### Budgets: what was asked for and what was kept

After compaction, of all weights or MACs; the distance is that of the seed that is farthest off,
in bold type above one point. Frozen switchers cannot learn a budget and are ranked to it.
"""
HEADER = "| experiment | of | asked for, % | kept, % | largest distance, points | n | version |"
RULE = "|---" * 7 + "|"
BEFORE = "0.1.0"
SINCE = f"""\
### Budgets with version {BUDGETS_CHANGED}

What a budget pulls at was chosen on validation splits of the digits and of the MLP of MNIST, and
how hard at connections on those of the digits. Its growth, and how factors spread, were chosen
before by the shares that were kept, in trials of one to three seeds that printed accuracies beside
them, on the test split for the digits and the MLP of MNIST. So these accuracies are not those of a
method that was chosen without them.

All that was run with it so far; the last column is the accuracy of version {BEFORE}, same seeds.
"""
OF_BOTH = f"""\
| experiment | of | asked for, % | kept, % | largest distance, points | n | accuracy, % | {BEFORE} |
|---|---|---|---|---|---|---|---|"""


def budgets(rows: dict, experiments: list[Experiment]) -> str:
    """A table of all that was trained with a budget.

    Args:
        rows: What `rows_shown` returned of the studies.
        experiments: The experiments of the studies.
    """
    lines = []
    for experiment in filter(_has_budget, experiments):
        kept = _kept(rows, experiment)
        if kept:
            cells = _cells(experiment, kept, Spread.of(kept).text(100))
            lines.append(f"{cells} | {versions(rows, experiment.name)} |")
    return "\n".join([TITLE, HEADER, RULE, *lines, ""])


def kept_since(studies: list[dict], experiments: list[Experiment]) -> str:
    """A table of what budgets kept since they changed, with the accuracy before on the same seeds.

    Args:
        studies: Rows by version of the studies' `Ledger`s.
        experiments: The experiments of the studies.
    """
    now, before = (
        {key: row for study in studies for key, row in study.get(version, {}).items()}
        for version in (BUDGETS_CHANGED, BEFORE)
    )
    lines = []
    for experiment in filter(_has_budget, experiments):
        kept = _kept(now, experiment)
        if kept:
            shares = f"{100 * min(kept):.2f} to {100 * max(kept):.2f}"
            found, then = (values(rows, experiment.name, "accuracy") for rows in (now, before))
            beside = [then[seed] for seed in found if seed in then]
            shown = [Spread.of(a).text(100) if a else "" for a in ([*found.values()], beside)]
            lines.append(f"{_cells(experiment, kept, shares)} | {' | '.join(shown)} |")
    return "\n".join([SINCE, *([OF_BOTH, *lines] if lines else ["Not run."]), ""])


def _cells(experiment, kept, shown):
    asked, of = experiment.settings.budget, experiment.settings.budget_of
    farthest = round(100 * max(abs(share - asked) for share in kept), 2)
    distance = f"**{farthest:.2f}**" if farthest > 1 else f"{farthest:.2f}"
    return f"| {experiment.name} | {of} | {100 * asked:.1f} | {shown} | {distance} | {len(kept)}"


def _kept(rows, experiment):
    removed = values(rows, experiment.name, f"{experiment.settings.budget_of}_removed")
    return [1 - share for share in removed.values()]


def _has_budget(experiment):
    return experiment.treatment == "switched" and experiment.settings.budget is not None
