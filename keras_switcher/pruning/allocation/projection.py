"""Projection: the strongest factors stay on, as many as a budget has room for."""

from dataclasses import dataclass

import numpy as np

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.cost_terms import Measure, name_of
from keras_switcher.pruning.allocation.allocation import ALL, largest_within, rounded_up
from keras_switcher.pruning.allocation.search import Factors, Search
from keras_switcher.pruning.costs import cost_of


@dataclass(frozen=True, eq=False)
class Projected:
    """Factors after a projection, and what it took.

    Args:
        factors: Factors by name of group; zero where they were switched off.
        number: How many were switched off.
        of: How many were on before.
        largest: The largest that was switched off; 0 if none was.
    """

    factors: Factors
    number: int = 0
    of: int = 0
    largest: float = 0.0


def project(
    channel_graph: ChannelGraph, factors: Factors, keep: float, of: Measure, round_to: int = 1
) -> Projected:
    """Switches off the weakest factors until a share of a cost is kept, or less.

    The strongest of all groups stay; then whatever else there is room for, in their order. A group
    that has a channel keeps one, and each kernel of connections one of them, so that they lead
    through the network.

    Args:
        channel_graph: The network's `ChannelGraph`.
        factors: Maps names of groups to vectors, and of connection groups to matrices.
        keep: The share that may be kept, within (0, 1).
        of: `"weights"`, `"macs"`, or a table of costs.
        round_to: See `plan_removal`: what is kept beside counts.

    Raises:
        ValueError: If one factor of each group leaves more than that.
    """
    search = Search(channel_graph, factors, of, round_to)
    total = cost_of(channel_graph, of)
    limit = largest_within(keep, total)
    everything = search.always | search.ranking.first(search.ranking.count)
    if search.planned_cost(everything) <= limit:
        return _projected(search, everything)
    least = search.planned_cost(search.always)
    if least > limit:
        widths = f", and widths in multiples of {round_to}" if round_to > 1 else ""
        less = f"for a smaller round_to than {round_to}" if round_to > 1 else ""
        at_least = rounded_up(least, total)
        ask = [*([f"for at least {at_least}"] if at_least != ALL else []), *filter(None, [less])]
        raise ValueError(
            f"A budget of {keep:.2%} of the {name_of(of)} cannot be met by these factors: with one "
            f"that is on left in each group{widths}, {least / total:.2%} remain."
            + (f" Ask {', or '.join(ask)}." if ask else " No other budget can be met, either.")
        )
    mask = search.within(limit)
    if search.is_counted and search.planned_cost(mask) > limit:
        search.is_counted = False  # Layers need more than was counted.
        mask = search.within(limit)
    return _projected(search, mask)


def _projected(search: Search, mask: np.ndarray) -> Projected:
    """The factors that a packed mask leaves on, beside what there was before."""
    left = search.masked(mask)
    off = [f[(f > 0) & (left[name] == 0)] for name, f in search.factors.items()]
    flat = np.concatenate([*off, np.zeros(0)])
    number = sum(int((f > 0).sum()) for f in search.factors.values())
    return Projected(left, len(flat), number, float(flat.max(initial=0)))
