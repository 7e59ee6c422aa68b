"""Baselines and controls that stand beside the method, as lines of a table.

Each function returns experiments by what their lines say.
"""

from dataclasses import replace

from recipes.settings import Settings
from recipes.trials.experiment import Experiment

Lines = dict[str, Experiment]

# What is ranked needs a spread.
FROZEN = {"switcher": "frozen", "start": "near_one"}


def switched(name: str, task: str, settings: Settings, seeds: int = 8, **changes) -> Experiment:
    """A network under a switcher; `changes` are settings that are others."""
    return Experiment(name, task, "switched", replace(settings, **changes), seeds=seeds)


def controls(
    task: str, settings: Settings, dense: Settings, of_free: float, *, reads_vectors: bool = True
) -> Lines:
    """The method, its dense twin, and its controls at one budget.

    Args:
        task: The task, with which the names begin.
        settings: Those of the method.
        dense: Those of the dense twin.
        of_free: Learning rate of the control with free factors.
        reads_vectors: Whether the network's inputs are vectors, of which some can be left out.
    """

    def changed(name, **changes):
        return switched(f"{task} {name}", task, settings, **changes)

    def given(method, **more):
        return Experiment(f"{task} {method}", task, method, settings, f"{task} row", **more)

    lines = {
        "dense twin": Experiment(f"{task} dense", task, "dense", dense),
        "row switcher": changed("row"),
        "frozen switcher, ranked to the budget": changed("frozen", **FROZEN),
        "frozen switcher, half zeros": changed(
            "frozen, half zeros", switcher="frozen", start="half_zeros", budget=None
        ),
        "free factors": changed("free", switcher="free", switcher_learning_rate=of_free),
        "shuffled input": changed("shuffled", switcher="shuffled"),
        "constant input": changed("constant", switcher="constant"),
        "random structure, from scratch": given("random structure"),
        "random structure, from scratch, same total MACs": given(
            "random structure, equal cost", seeds=3
        ),
        "learned structure, from scratch": given("learned structure"),
        "learned structure, from scratch, same total MACs": given(
            "learned structure, equal cost", seeds=3
        ),
        "uniform width, same MACs": given("uniform width"),
        "magnitude pruning, same epochs": given("magnitude", share=0.5),
    }
    if reads_vectors:
        lines["inputs that vary most, units random, from scratch"] = given("varied inputs")
    return lines


def point(task: str, settings: Settings, keep: float, seeds: int = 8) -> Lines:
    """The method, magnitude pruning and a random structure at one share that is kept."""
    end = kept(keep, settings.budget_of)
    row = switched(f"{task} row, {end}", task, settings, seeds, budget=keep)

    def given(name, method, share=None):
        return Experiment(f"{task} {name}, {end}", task, method, settings, row.name, seeds, share)

    return {
        "row switcher": row,
        "magnitude pruning, same epochs": given("magnitude", "magnitude", 0.5),
        "random structure, from scratch": given("random", "random structure"),
    }


def other_schedule(task: str, settings: Settings, share: float, end: str = "") -> Lines:
    """The method with two cosines, as magnitude pruning has them, and that with one.

    The budget is a share of the weights; `end` is how the names end.
    """
    row, magnitude = f"{task} row", f"{task} magnitude, one cosine{end}"
    two = switched(f"{row}, two cosines{end}", task, settings, schedule="two cosines", budget=share)
    method = "magnitude, one cosine"
    one = Experiment(magnitude, task, method, settings, f"{row}{end}", share=0.5)
    return {"row switcher, two cosines": two, "magnitude pruning, same epochs, one cosine": one}


def kept(keep: float, of: str = "weights") -> str:
    """How the names of a point's experiments end."""
    return f"{keep:.1%} kept" if of == "weights" else f"{keep:.1%} of the MACs kept"


def unique(*tables: Lines) -> list[Experiment]:
    """The experiments of all tables, each once."""
    return list({line.name: line for table in tables for line in table.values()}.values())
