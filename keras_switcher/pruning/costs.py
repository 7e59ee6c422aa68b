"""Costs of what a plan leaves: weights, parameters and MACs."""

import numpy as np

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.cost_terms import CostTable, Measure, name_of
from keras_switcher.pruning.bias_folding import new_biases
from keras_switcher.pruning.plan import Plan
from keras_switcher.pruning.remains import Remains


def remaining(
    channel_graph: ChannelGraph, plan: Plan | None = None, table: CostTable | None = None
) -> dict:
    """What is left of a model's costs when a plan is carried out.

    Args:
        channel_graph: The model's `ChannelGraph`.
        plan: The plan; None removes nothing. Of kernels with connections, only the kept entries
            that are not zero count as weights and MACs. As `parameters`, zeros are stored.
        table: Another cost to count, under its name.

    Returns:
        `weights` (kernels only, as in the literature's "Params (%)"), `parameters` (all of them)
        and `macs` per sample, those that are known (see `unknown_macs`).
    """
    keep, connections = (plan.keep, plan.connections) if plan else ({}, {})
    remains = Remains(channel_graph, keep)
    weights, macs = 0, 0
    for kernel in channel_graph.kernels:
        uses = [use for use in kernel.uses if id(use.call) in remains.calls]
        if not uses:
            continue
        matrix = connections.get(kernel.connections_name) if kernel.connections_name else None
        if matrix is None:
            left = remains.entries(kernel.weight)
        else:
            left = int(np.count_nonzero(kernel.between(matrix, keep)))
        weights += left
        macs += left * sum(use.positions(keep) for use in uses)
    ops = {id(call.op): call.op for call in remains.calls.values()}
    held = {id(weight): weight for op in ops.values() for weight in getattr(op, "weights", ())}
    parameters = sum(map(remains.entries, held.values()))
    for layer in new_biases(channel_graph, plan) if plan else ():
        if id(layer) in ops:
            made = channel_graph.axes_of(layer.kernel).get(1)
            parameters += layer.units if made is None else int(remains.kept(made).sum())
    costs = {"weights": weights, "parameters": parameters, "macs": macs}
    if table is not None:
        terms = [term for term in table.terms(channel_graph) if id(term.call) in remains.calls]
        costs[table.of] = sum(term.left(keep) for term in terms)
    return costs


def cost_of(channel_graph: ChannelGraph, measure: Measure, plan: Plan | None = None) -> int:
    """What is left of one of a model's costs.

    Args:
        channel_graph: The model's `ChannelGraph`.
        measure: `"weights"`, `"macs"`, or a table.
        plan: See `remaining`.
    """
    table = None if isinstance(measure, str) else measure
    return remaining(channel_graph, plan, table)[name_of(measure)]


def shown_cost(of: str, number: int) -> str:
    """A cost in words: milliseconds, also of networks that take far less than one, or a count.

    Args:
        of: The name of the cost.
        number: What it is: picoseconds of latency.

    Example:

    >>> shown_cost("latency", 12_345_678_900), shown_cost("latency", 631_424)
    ('12.346 ms', '0.000631 ms')
    """
    if of != "latency":
        return f"{number:,}"
    return f"{number / 1e9:.3f} ms" if number >= 1e9 else f"{number / 1e9:.3g} ms"
