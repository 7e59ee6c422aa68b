"""Baselines and controls that stand beside the method, as lines of a table.

`Lines` are experiments by what the lines of a table say.
"""

from dataclasses import dataclass, replace

from recipes.settings import Settings
from recipes.trials.trial import Experiment

Lines = dict[str, Experiment]

# What is ranked needs a spread.
FROZEN = {"switcher": "frozen", "start": "near_one"}
# By the lines of a table: names of controls under a switcher, and the settings that are others.
SWITCHED = {
    "row switcher": ("row", {}),
    "frozen switcher, ranked to the budget": ("frozen", FROZEN),
    "frozen switcher, half zeros": (
        "frozen, half zeros",
        {"switcher": "frozen", "start": "half_zeros", "budget": None},
    ),
    "free factors": ("free", {"switcher": "free", "switcher_learning_rate": 1.0}),
    "shuffled input": ("shuffled", {"switcher": "shuffled"}),
    "constant input": ("constant", {"switcher": "constant"}),
}
# Methods that take the structure that was learned.
GIVEN = {
    "random structure, from scratch": "random structure",
    "random structure, from scratch, same total MACs": "random structure, equal cost",
    "learned structure, from scratch": "learned structure",
    "learned structure, from scratch, same total MACs": "learned structure, equal cost",
    "uniform width, same MACs": "uniform width",
    "magnitude pruning, same epochs": "magnitude",
    # Of networks whose inputs are vectors, some of which can be left out.
    "inputs that vary most, units random, from scratch": "varied inputs",
}
CONTROLS = (*SWITCHED, *GIVEN)


@dataclass(frozen=True)
class Family:
    """Experiments on a network that share settings.

    Args:
        task: The task.
        settings: The `Settings`.
        named: Their names, in which `{}` stands for what is one's own.
        seeds: Number of seeds.
        row: Name of the experiment whose structure is taken where a method takes one; by default
            that which is called "row" here.
    """

    task: str
    settings: Settings
    named: str
    seeds: int = 8
    row: str | None = None

    def make(
        self, name: str, method: str = "switched", seeds: int | None = None, **changes
    ) -> Experiment:
        """An experiment; `changes` are settings that are others."""
        takes_structure = method not in ("dense", "switched")
        return Experiment(
            self.named.format(name),
            self.task,
            method,
            replace(self.settings, **changes),
            (self.row or self.named.format("row")) if takes_structure else None,
            seeds or self.seeds,
            0.5 if method.startswith("magnitude") else None,
        )

    def controls(self, *labels: str) -> Lines:
        """The controls of these lines."""
        lines = {}
        for label in labels:
            if method := GIVEN.get(label):
                seeds = 3 if method.endswith("equal cost") else None
                lines[label] = self.make(method, method, seeds)
            else:
                name, changes = SWITCHED[label]
                lines[label] = self.make(name, **changes)
        return lines


def point(task: str, settings: Settings, keep: float, seeds: int = 8) -> Lines:
    """The method, magnitude pruning and a random structure at one share that is kept."""
    family = Family(task, settings, f"{task} {{}}, {kept(keep, settings.budget_of)}", seeds)
    return {
        "row switcher": family.make("row", budget=keep),
        # Of a budget these know nothing: they take the structure.
        "magnitude pruning, same epochs": family.make("magnitude", "magnitude"),
        "random structure, from scratch": family.make("random", "random structure"),
    }


def kept(keep: float, of: str = "weights") -> str:
    """How the names of a point's experiments end."""
    return f"{keep:.1%} kept" if of == "weights" else f"{keep:.1%} of the MACs kept"


def unique(*tables: Lines) -> list[Experiment]:
    """The experiments of all tables, each once."""
    return list({line.name: line for table in tables for line in table.values()}.values())
