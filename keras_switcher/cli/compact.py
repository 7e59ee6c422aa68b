"""compact: the smaller, plain model of a trained SwitcherModel."""

from typing import Annotated, Any

import typer

import keras_switcher as ks
from keras_switcher.cli.budgets import Timing, budget_of, check_budget, multiple_for
from keras_switcher.cli.files import check_free, load, save, task_of
from keras_switcher.cli.options import (
    AsJson,
    Cache,
    ModelFile,
    Modules,
    Of,
    Out,
    Overwrite,
    RoundTo,
    TimedFormat,
    TimedThreads,
)
from keras_switcher.cli.printing import say, show_json, working
from keras_switcher.latency.table import PICOSECONDS
from keras_switcher.structure import Structure
from keras_switcher.training.budget.budget import OF_TABLE


def compact(
    file: ModelFile,
    out: Out,
    keep: Annotated[
        float | None,
        typer.Option(help="Keep the strongest up to this share, instead of what was learned."),
    ] = None,
    of: Of = "weights",
    round_to: RoundTo = None,
    format: TimedFormat = None,
    threads: TimedThreads = None,
    cache: Cache = None,
    modules: Modules = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write the smaller, plain model that a trained SwitcherModel stands for."""
    check_free(out, ".keras", overwrite)
    timing = Timing(format, threads, cache)
    if keep is not None:
        check_budget(keep, of, timing)
    elif of != "weights" or any(timing):
        raise ValueError("--of, --format, --threads and --cache need --keep, a share to keep.")
    model = load(file, modules)
    if not isinstance(model, ks.SwitcherModel):
        raise ValueError(f"{file} holds no SwitcherModel: nothing was learned. Use prune.")
    budget = None if keep is None else budget_of(keep, of, timing, task_of(model))
    multiple = multiple_for(round_to, budget)
    structure = model.structure(budget, multiple)
    with working("Building the smaller model"):
        small = model.compact(round_to=multiple, budget=budget)
    save(small, out)
    if as_json:
        show_json({"out": str(out), **_told(structure)})
        return
    say(structure)
    # Within a budget that training has not reached, channels go that it had left on.
    what = "same outputs" if keep is None else "the strongest factors within the budget"
    say(f"{out} is written: {what}, and it loads without this package.")


def _told(structure: Structure) -> dict[str, Any]:
    """Groups and costs under the names, and in the units, that other commands have, too."""
    groups = [
        {
            "name": group.name,
            "before": group.total,
            "after": group.kept,
            "strengthened": group.strengthened,
            "weakened": group.weakened,
        }
        for group in structure.groups
    ]
    costs = {"before": dict(structure.before), "after": dict(structure.after)}
    for each in costs.values():
        if OF_TABLE in each:
            each["milliseconds"] = each.pop(OF_TABLE) / PICOSECONDS * 1000
    return {"groups": groups, **costs}
