"""A budget of milliseconds beside budgets of MACs that end at about as many. Test split.

Fewer MACs are not always less time, so a budget of MACs may cut where nothing is won. Two residual
networks, the one of the digits and the one of a part of CIFAR-10, at 40 % of the milliseconds that
their LiteRT file takes on one thread, by the tables in `recipes/results/latency_tables`. Shares of
the MACs are one that ends a little above these milliseconds and one that ends a little below;
between the two, accuracy at the same milliseconds is a line.

Rates are those of the studies that the networks are from, and gradual magnitude does what was
chosen in the study `decision`. What each structure really takes is measured by
`python -m recipes.benchmarks.compact --study milliseconds`.
"""

from dataclasses import replace

from recipes.studies import decision, digits_residual
from recipes.studies.tables import TABLES, Lines, Shared, kept, unique

IN_ORDER = True
SETTINGS = {
    "residual": digits_residual.SETTINGS,
    "small_residual": replace(decision.SETTINGS["small_residual"], **decision.HEAD),
}
SEEDS = {"residual": 8, "small_residual": 4}
MILLISECONDS = 0.4
DECIDERS = ("row switcher", "gradual magnitude")
# Above and below, for networks that are pruned by norms before they are trained.
MACS = {"residual": (0.125, 0.09), "small_residual": (0.21, 0.17)}


def _lines(task: str) -> Lines:
    """The dense twin, and two deciders at the three budgets."""
    shared = Shared(task, SETTINGS[task], f"milliseconds {task} {{}}", SEEDS[task])
    lines = {"dense twin": shared.make("dense", "dense", budget="none")}
    budgets = [(MILLISECONDS, "latency"), *((share, "macs") for share in MACS[task])]
    for decider in DECIDERS:
        as_decided = TABLES["decision"][decider]
        for keep, of in budgets:
            changes = {**as_decided, "name": f"{as_decided['name']}, {kept(keep, of)}"}
            lines[f"{decider}, {kept(keep, of)}"] = shared.make(
                **changes, budget=keep, budget_of=of
            )
    return lines


LINES = {task: _lines(task) for task in SETTINGS}
EXPERIMENTS = unique(*LINES.values())
# What is compared, on the same seeds: with a budget of MACs that was to take longer, and with one
# that was to take less.
PAIRS = tuple(
    (f"{decider}, {kept(MILLISECONDS, 'latency')}", f"{decider}, {kept(share, 'macs')}")
    for decider in DECIDERS
    for shares in MACS.values()
    for share in shares
)
