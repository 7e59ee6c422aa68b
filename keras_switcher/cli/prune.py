"""prune: a smaller model within a budget, by a criterion, without training."""

from typing import Annotated

import typer

import keras_switcher as ks
from keras_switcher.arguments import ALLOCATIONS
from keras_switcher.cli.budgets import Timing, budget_of, check_budget, multiple_for
from keras_switcher.cli.data import as_taken, load_data
from keras_switcher.cli.files import check_free, load, save
from keras_switcher.cli.options import (
    AsJson,
    Cache,
    Data,
    Keep,
    ModelFile,
    Modules,
    Of,
    Out,
    Overwrite,
    RoundTo,
    Scale,
    TimedFormat,
    TimedThreads,
)
from keras_switcher.cli.printing import say, show_change, show_json, show_table, working
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.costs import remaining
from keras_switcher.pruning.criteria import registry
from keras_switcher.pruning.kept import kept_channels


def prune(
    file: ModelFile,
    out: Out,
    keep: Keep = 0.5,
    of: Of = "weights",
    criterion: Annotated[
        str, typer.Option(help=f"How channels are scored: {', '.join(registry.names())}.")
    ] = "group_norm",
    allocation: Annotated[
        str, typer.Option(help="global: the best channels of all groups; uniform: shares alike.")
    ] = "global",
    floor: Annotated[float, typer.Option(help="The share of each group that stays.")] = 0.05,
    round_to: RoundTo = None,
    format: TimedFormat = None,
    threads: TimedThreads = None,
    cache: Cache = None,
    data: Data = None,
    scale: Scale = 1.0,
    modules: Modules = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Remove the channels of the lowest scores until a budget is met, without training."""
    timing = Timing(format, threads, cache)
    check_budget(keep, of, timing)
    check_free(out, ".keras", overwrite)
    model = load(file, modules, compiled=data is not None)
    if isinstance(model, ks.SwitcherModel):
        raise ValueError(
            f"{file} holds a SwitcherModel, which learned what to remove. Use compact."
        )
    _check_choices(criterion, allocation)
    samples = None
    if data is not None:
        x, y = load_data(data, model, scale)
        samples = as_taken(x, model), y
    budget = budget_of(keep, of, timing, model)
    multiple = multiple_for(round_to, budget)
    with working("Pruning"):
        small = ks.prune(
            model, budget, criterion, allocation, samples, floor=floor, round_to=multiple
        )
    save(small, out)
    before, after = ChannelGraph(model), ChannelGraph(small)
    costs = remaining(before), remaining(after)
    if isinstance(budget.table, ks.latency.LatencyTable):
        for each, network, whole in zip(costs, (model, small), (None, model), strict=True):
            each["milliseconds"] = budget.table.milliseconds(network, pruned_from=whole)
    sizes = _sizes(before, after)
    if as_json:
        groups = [dict(zip(("name", "before", "after"), row, strict=True)) for row in sizes]
        show_json({"out": str(out), "groups": groups, "before": costs[0], "after": costs[1]})
        return
    shown = [(name, size, "not known" if kept is None else kept) for name, size, kept in sizes]
    show_table(("group", "channels", "kept"), shown)
    for name in costs[0]:
        show_change(name, costs[0][name], costs[1][name])
    say(f"{out} is written. It has lost accuracy: train it on.")


def _check_choices(criterion: str, allocation: str) -> None:
    """Refuses what is none of the choices, once the modules of criteria of one's own are loaded."""
    choices = {
        "criterion": (criterion, registry.names()),
        "allocation": (allocation, ALLOCATIONS),
    }
    for name, (value, among) in choices.items():
        if value not in among:
            raise ValueError(f"--{name} must be one of {', '.join(among)}. Received: {value}.")


def _sizes(before: ChannelGraph, after: ChannelGraph) -> list[tuple[str, int, int | None]]:
    """The channels of each prunable group before and after."""
    left = kept_channels(before, after)
    return [
        (group.name, group.size, left[group.name]) for group in before.groups if group.name in left
    ]
