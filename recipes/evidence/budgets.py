"""Whether what a budget asked for was kept, as Markdown."""

from recipes.evidence.experiment import Experiment
from recipes.evidence.summary import Spread, values

TITLE = """\
### Budgets: what was asked for and what was kept

After compaction, of all weights or MACs; the distance is that of the seed that is farthest off,
in bold type above one point. Frozen switchers cannot learn a budget and are ranked to it.
"""
HEADER = "| experiment | of | asked for, % | kept, % | largest distance, points | n |"
RULE = "|---" * 6 + "|"


def budgets(rows: dict, experiments: list[Experiment]) -> str:
    """A table of all that was trained with a budget.

    Args:
        rows: A `Ledger`'s rows.
        experiments: The experiments of its study.
    """
    lines = []
    for experiment in filter(_has_budget, experiments):
        asked, of = experiment.settings.budget, experiment.settings.budget_of
        kept = [1 - removed for removed in values(rows, experiment.name, f"{of}_removed").values()]
        if kept:
            farthest = round(100 * max(abs(share - asked) for share in kept), 2)
            shown = f"**{farthest:.2f}**" if farthest > 1 else f"{farthest:.2f}"
            cells = f"{100 * asked:.1f} | {Spread.of(kept).text(100)} | {shown}"
            lines.append(f"| {experiment.name} | {of} | {cells} | {len(kept)} |")
    return "\n".join([TITLE, HEADER, RULE, *lines, ""])


def _has_budget(experiment):
    return experiment.treatment == "switched" and experiment.settings.budget is not None
