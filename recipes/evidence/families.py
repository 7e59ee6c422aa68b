"""The experiments that stand together: a method with its controls, a point of a curve."""

from dataclasses import replace

from recipes.evidence.experiment import Experiment
from recipes.settings import Settings

# What a line of a table says, and how the name of its experiment ends.
CONTROLS = {
    "dense twin": "dense",
    "row switcher": "row",
    "frozen switcher, ranked to the budget": "frozen",
    "frozen switcher, half zeros": "frozen, half zeros",
    "free factors": "free",
    "shuffled input": "shuffled",
    "constant input": "constant",
    "random structure, from scratch": "random structure",
    "random structure, from scratch, same total MACs": "random structure, equal cost",
    "learned structure, from scratch": "learned structure",
    "learned structure, from scratch, same total MACs": "learned structure, equal cost",
    "uniform width, same MACs": "uniform width",
    "magnitude pruning, same epochs": "magnitude",
}
OF_VECTORS = {"inputs that vary most, units random, from scratch": "varied inputs"}
POINT = {
    "row switcher": "row",
    "magnitude pruning, same epochs": "magnitude",
    "random structure, from scratch": "random",
}
# The same with the learning rate's schedule of the other one.
OTHER_SCHEDULE = {
    "row switcher, two cosines": "row, two cosines",
    "magnitude pruning, same epochs, one cosine": "magnitude, one cosine",
}


# What is ranked needs a spread.
FROZEN = {"switcher": "frozen", "start": "near_one"}


def switched(name: str, task: str, settings: Settings, seeds: int = 8, **changes) -> Experiment:
    """A network under a switcher.

    Args:
        name: Name of its rows.
        task: A name of `recipes.evidence.tasks.TASKS`.
        settings: The `Settings`.
        seeds: Number of seeds.
        **changes: Settings that are others.
    """
    return Experiment(name, task, "switched", replace(settings, **changes), seeds=seeds)


def family(
    task: str, settings: Settings, dense: Settings, of_free: float, *, reads_vectors: bool = True
) -> list[Experiment]:
    """The method, its dense twin, and its controls at one budget.

    Args:
        task: The task, with which the names begin.
        settings: Those of the method.
        dense: Those of the dense twin.
        of_free: Learning rate of the control with free factors.
        reads_vectors: Whether the network's inputs are vectors, of which some can be left out.
    """
    row = f"{task} row"

    def changed(name, **changes):
        return switched(f"{task} {name}", task, settings, **changes)

    def given(treatment, **more):
        return Experiment(f"{task} {treatment}", task, treatment, settings, row, **more)

    return [
        Experiment(f"{task} dense", task, "dense", dense),
        changed("row"),
        changed("frozen", **FROZEN),
        changed("frozen, half zeros", switcher="frozen", start="half_zeros", budget=None),
        changed("free", switcher="free", switcher_learning_rate=of_free),
        changed("shuffled", switcher="shuffled"),
        changed("constant", switcher="constant"),
        given("random structure"),
        given("random structure, equal cost", seeds=3),
        *([given("varied inputs")] if reads_vectors else []),
        given("learned structure"),
        given("learned structure, equal cost", seeds=3),
        given("uniform width"),
        given("magnitude", share=0.5),
    ]


def point(task: str, settings: Settings, keep: float, seeds: int = 8) -> list[Experiment]:
    """The method, magnitude pruning and a random structure at one share that is kept.

    Args:
        task: The task, with which the names begin.
        settings: Those of the method, but for the share.
        keep: The share of the weights or MACs.
        seeds: Number of seeds.
    """
    names = lines(task, POINT, kept(keep, settings.budget_of))
    row, magnitude, random = names.values()

    def given(name, treatment, share=None):
        return Experiment(name, task, treatment, settings, row, seeds, share)

    return [
        switched(row, task, settings, seeds, budget=keep),
        given(magnitude, "magnitude", 0.5),
        given(random, "random structure"),
    ]


def other_schedule(
    task: str, settings: Settings, share: float, end: str | None = None
) -> list[Experiment]:
    """The method with two cosines, as magnitude pruning has them, and that with one.

    Args:
        task: The task, with which the names begin.
        settings: Those of the method.
        share: The budget.
        end: How the names end; see `kept`.
    """
    row, magnitude = lines(task, OTHER_SCHEDULE, end).values()
    source = f"{task} row, {end}" if end else f"{task} row"
    return [
        switched(row, task, settings, schedule="two cosines", budget=share),
        Experiment(magnitude, task, "magnitude, one cosine", settings, source, share=0.5),
    ]


def kept(keep: float, of: str = "weights") -> str:
    """How the names of a point's experiments end."""
    return f"{keep:.1%} kept" if of == "weights" else f"{keep:.1%} of the MACs kept"


def lines(task: str, named: dict[str, str], end: str | None = None) -> dict[str, str]:
    """What lines of a table say, and the whole names of their experiments.

    Args:
        task: The task.
        named: Maps what lines say to names without the task, such as `CONTROLS`.
        end: How the names end; see `kept`.
    """
    return {label: f"{task} {n}, {end}" if end else f"{task} {n}" for label, n in named.items()}
