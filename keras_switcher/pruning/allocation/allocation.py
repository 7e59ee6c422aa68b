"""allocate: which channels stay, by their scores, so that a budget is met from below."""

from collections.abc import Mapping
from math import floor as rounded_down

import numpy as np

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.cost_terms import Measure, name_of
from keras_switcher.graph.selection import shown_reasons
from keras_switcher.pruning.allocation.filling import fill, prefix
from keras_switcher.pruning.allocation.kept_cost import KeptCost
from keras_switcher.pruning.allocation.ranking import floors, rank
from keras_switcher.pruning.costs import cost_of
from keras_switcher.pruning.plan import Plan
from keras_switcher.pruning.planning import plan_removal
from keras_switcher.pruning.rounding import enforce_minimum

# The share of a total that no budget can be: it is below one.
ALL = "1.0000"
_ONE = "it has a single channel, which stays"


def allocate(
    channel_graph: ChannelGraph,
    scores: Mapping[str, np.ndarray],
    keep: float,
    of: Measure = "macs",
    allocation: str | Mapping[str, float] = "global",
    floor: float = 0.0,
    round_to: int = 1,
) -> Plan:
    """The plan that keeps the best channels of a network within a share of one of its costs.

    Args:
        channel_graph: The network's `ChannelGraph`.
        scores: Maps names of prunable groups to vectors, higher for what is to stay; other groups
            stay whole.
        keep: The share of the cost that may be kept, within (0, 1).
        of: `"weights"`, `"macs"`, or a table of costs.
        allocation: `"global"`: the best of all groups, then whatever else there is room for.
            `"uniform"`: the same share of each group, to one step. A mapping from names of groups
            to shares: these groups keep that share, rounded up, the others are as under
            `"global"`.
        floor: The share of each group that stays in any case; at least one channel does.
        round_to: Each group keeps a multiple of this number, or all.

    Raises:
        ValueError: If the floors, or the groups that stay whole, leave more than is asked for.
    """
    groups = [group for group in channel_graph.groups if group.name in scores]
    scores = {group.name: np.asarray(scores[group.name], "float64") for group in groups}
    cost = KeptCost(channel_graph, groups, of)
    kept, most = floors(scores, floor, round_to), {n: len(score) for n, score in scores.items()}
    if isinstance(allocation, Mapping):
        fixed = floors({name: scores[name] for name in allocation}, allocation, round_to)
        kept, most = {**kept, **fixed}, {**most, **fixed}
    ranking = rank(scores, kept, most, round_to, allocation == "uniform")
    total = cost_of(channel_graph, of)
    limit = largest_within(keep, total)
    always = _at_least(channel_graph, cost, ranking.first(0))
    least = cost.count(always)
    overshoot = 0
    while True:
        within = limit - overshoot
        if least > within:
            lower = _what_to_lower(floor, round_to, allocation)
            if rounded_up(least, total) == ALL:
                kept_of = cost.unpack(always)
                raise ValueError(_nothing(channel_graph, keep, of, kept_of, lower))
            raise ValueError(
                f"A budget of {keep:.2%} of the {name_of(of)} cannot be met: with the least that "
                f"each group keeps, {least / total:.2%} remain. Ask for at least "
                f"{rounded_up(least, total)}; {f'lower {lower}, or ' if lower else ''}choose more "
                "groups."
            )

        def room(mask: np.ndarray, within: int = within) -> int:
            return within - cost.count(mask)

        mask = prefix(ranking, always, lambda mask: room(mask) >= 0)
        if allocation != "uniform":
            mask = fill(ranking, mask, room, cost.increments)
        factors = {n: m.astype("float32") for n, m in cost.unpack(mask).items()}
        plan = plan_removal(channel_graph, factors, round_to)
        if any((plan.keep[name] > factors[name]).any() for name in factors):
            # What layers need beside is there anyhow: it stays on.
            factors = {name: plan.keep[name].astype("float32") for name in factors}
            plan = plan_removal(channel_graph, factors, round_to)
        # What layers need beside may be more than was counted: then there is less room for others.
        excess = cost_of(channel_graph, of, plan) - limit
        if excess <= 0:
            return plan
        overshoot += excess


def largest_within(keep: float, total: int) -> int:
    """The largest whole number whose share of a total is at most `keep`."""
    number = rounded_down(keep * total) + 1
    while number / total > keep:
        number -= 1
    return number


def rounded_up(number: int, total: int) -> str:
    """A share of a total in four digits, of which there is room for the number: `ALL` is none."""
    return f"{-(-number * 10_000 // total) / 10_000:.4f}"


def _at_least(channel_graph: ChannelGraph, cost: KeptCost, mask: np.ndarray) -> np.ndarray:
    """A packed mask with what layers need beside: no slice of a group may be empty."""
    keep = {group.name: np.ones(group.size, bool) for group in channel_graph.groups}
    keep.update(cost.unpack(mask))
    while enforce_minimum(channel_graph, keep):
        pass
    return cost.pack(keep)


def _what_to_lower(floor: float, round_to: int, allocation: str | Mapping[str, float]) -> str:
    reasons = [f"floor={floor}"] if floor else []
    reasons += [f"round_to={round_to}"] if round_to > 1 else []
    reasons += ["the shares of `allocation`"] if isinstance(allocation, Mapping) else []
    return ", ".join(reasons)


def _nothing(
    channel_graph: ChannelGraph,
    keep: float,
    of: Measure,
    kept: dict[str, np.ndarray],
    lower: str,
) -> str:
    """What is said where the least that is kept is all of a cost."""
    why = {}
    for group in channel_graph.groups:
        mask = kept.get(group.name)
        if mask is not None and mask.all():
            why[group.name] = f"keeps all of its {mask.size} channels" if mask.size > 1 else _ONE
        elif mask is not None:
            why[group.name] = f"takes as much with {mask.sum()} of its {mask.size} channels"
        elif not group.is_input:
            why[group.name] = group.reason or "it was not chosen"
    more = any(mask.size > 1 and mask.all() for mask in kept.values())
    advice = f" Lower {lower}." if lower and more else ""
    return (
        f"A budget of {keep:.2%} of the {name_of(of)} cannot be met, as nothing of "
        f"'{channel_graph.graph.name}' can be pruned: with the least that each group keeps, all of "
        f"it remains.{advice}{shown_reasons(channel_graph, why)}"
    )
