"""Budgets: what --keep and --of ask for; of milliseconds, by timing the network here."""

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

import keras

import keras_switcher as ks
from keras_switcher.cli.printing import working
from keras_switcher.graph.kernel import COSTS
from keras_switcher.latency.timing import RUNS
from keras_switcher.training.budget.budget import OF_TABLE


class Timing(NamedTuple):
    """How a network is timed: options that only a budget of latency has."""

    format: str | None = None
    threads: int | None = None
    cache: Path | None = None


def check_budget(keep: float, of: str, timing: Timing) -> None:
    """Refuses options that ask for no budget, before anything is read.

    Args:
        keep: The share to keep.
        of: Of what.
        timing: How to time, if it is of latency.

    Raises:
        ValueError: If there is none of these.
    """
    if of not in (*COSTS, OF_TABLE):
        raise ValueError(f"--of must be one of {', '.join((*COSTS, OF_TABLE))}. Received: {of}.")
    if not 0 < keep < 1:
        raise ValueError(f"--keep must be a share between 0 and 1. Received: {keep}.")
    if of == OF_TABLE and timing.format not in (None, *RUNS):
        raise ValueError(f"--format must be one of {', '.join(RUNS)}. Received: {timing.format}.")
    options = ("format", "threads", "cache")
    given = [f"--{name}" for name in options if getattr(timing, name) is not None]
    if of != OF_TABLE and given:
        raise ValueError(
            f"Only a budget of latency is timed: {', '.join(given)} does not go with --of {of}. "
            f"Pass --of {OF_TABLE}, or leave it out."
        )


def budget_of(keep: float, of: str, timing: Timing, task: keras.Model) -> ks.Budget:
    """The budget that options ask for, once they were checked.

    Args:
        keep: The share to keep.
        of: Of what.
        timing: How to time, if it is of latency.
        task: The network that is timed then.
    """
    if of != OF_TABLE:
        return ks.Budget(keep, of=of)
    is_terminal = sys.stderr.isatty()
    # Standard output is for results: the progress bar is none.
    with working(None if is_terminal else "Timing the layers"), redirect_stdout(sys.stderr):
        table = ks.latency.measure(
            task, timing.format or "litert", timing.threads or 1, 1, timing.cache, is_terminal
        )
    return ks.Budget(keep, of=of, table=table)


def multiple_for(round_to: int | None, budget: ks.Budget | None) -> int:
    """The multiple of channels that is kept: as asked for, or as the device likes, or any number.

    Args:
        round_to: What was asked for.
        budget: The budget, whose table may know.
    """
    if round_to is not None:
        return round_to
    return getattr(budget.table, "round_to", 1) if budget and budget.table else 1
