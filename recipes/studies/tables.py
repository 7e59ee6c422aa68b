"""Experiments that share settings, and the lines of tables that they stand for."""

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from recipes.settings import Settings
from recipes.trials.trial import Experiment

# Experiments by what a line of a table says.
Lines = dict[str, Experiment]

# Of a method by how its name begins: the share of the epochs before it cuts.
SHARES = {"magnitude": 0.5, "prune": 0.5, "cut early": 0.43}
# Methods that take no other experiment's structure.
OF_THEIR_OWN = ("dense", "switched", "edge-popup", "lottery ticket", "uniform width, budget")

TABLES = tomllib.loads(Path(__file__).with_name("lines.toml").read_text())


@dataclass(frozen=True)
class Shared:
    """Experiments on a task that share settings, and a name in which `{}` is what is one's own.

    Methods that take a structure take that of the experiment `row`, by default the one that is
    called "row" here.
    """

    task: str
    settings: Settings
    named: str
    seeds: int = 8
    row: str | None = None

    def make(
        self,
        name: str,
        method: str = "switched",
        seeds: int | None = None,
        trained: Experiment | None = None,
        is_kept: bool = False,
        **changes,
    ) -> Experiment:
        """An experiment; `changes` are settings that are others."""
        changes = {name: None if value == "none" else value for name, value in changes.items()}
        row, kind = self.row or self.named.format("row"), method.split(",")[0]
        has_own = method in OF_THEIR_OWN or kind in ("prune", "cut early", "lottery ticket")
        cuts_at_once = trained and kind in ("magnitude", "prune")
        return Experiment(
            self.named.format(name),
            self.task,
            method,
            replace(self.settings, **changes),
            None if has_own else row,
            seeds or self.seeds,
            None if cuts_at_once else SHARES.get(kind),
            trained,
            is_kept,
        )

    def lines(self, table: str, without: tuple[str, ...] = (), **more) -> Lines:
        """The lines of a table of `lines.toml`, but for some; `more` is the same for all."""
        lines = {label: {"name": label, **more, **line} for label, line in TABLES[table].items()}
        return {label: self.make(**line) for label, line in lines.items() if label not in without}


def point(task: str, settings: Settings, keep: float, seeds: int = 8) -> Lines:
    """The method, magnitude pruning and a random structure at one share that is kept."""
    family = Shared(task, settings, f"{task} {{}}, {kept(keep, settings.budget_of)}", seeds)
    # Of a budget the others know nothing: they take the structure.
    return family.lines("point") | {"row switcher": family.make("row", budget=keep)}


def kept(keep: float, of: str = "weights") -> str:
    """How the names of a point's experiments end."""
    counted = {"weights": "", "macs": "of the MACs ", "latency": "of the milliseconds "}
    return f"{keep:.1%} {counted[of]}kept"


def unique(*tables: Lines) -> list[Experiment]:
    """The experiments of all tables, each once."""
    return list({line.name: line for table in tables for line in table.values()}.values())
