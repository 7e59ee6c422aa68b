"""Checks that a plan fits a model."""

from typing import NoReturn

import numpy as np

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.groups import ChannelGroup
from keras_switcher.pruning.plan import GroupPlan, Plan
from keras_switcher.pruning.rounding import enforce_minimum


def check_plan(plan: Plan, channel_graph: ChannelGraph) -> None:
    """Raises an error if a plan was not made for a copy of this model.

    Args:
        plan: The `Plan`.
        channel_graph: The model's `ChannelGraph`.

    Raises:
        ValueError: If its groups are others, or cannot lose what it removes, or if it takes units
            for constants that are none.
    """
    compared: list[tuple[str, dict, dict]] = [
        ("Groups", {g.name: g.size for g in channel_graph.groups}, _lengths(plan.groups)),
        (
            "Connections",
            {g.name: g.shape for g in channel_graph.connections if g.name in plan.connections},
            {name: matrix.shape for name, matrix in plan.connections.items()},
        ),
    ]
    for what, sizes, planned in compared:
        if sizes != planned:
            differing = sorted(dict(sizes.items() ^ planned.items()))
            raise ValueError(
                f"The plan was made for another network than '{channel_graph.graph.name}'. {what} "
                f"that differ: {', '.join(differing)}. Apply it to a copy of the model it was made "
                "for, with the same names: Keras numbers layers that are not named anew in every "
                "copy."
            )
    for group in channel_graph.groups:
        of_group = plan.groups[group.name]
        if not group.prunable and not (of_group.keep.all() and (of_group.scale == 1).all()):
            what = f"removes or scales channels of '{group.name}', which cannot go"
            _raise_unfit(channel_graph, what, group.reason)
        if not _are_constant(of_group.constant, group, plan, channel_graph):
            _raise_unfit(
                channel_graph,
                f"takes units of '{group.name}' for constants",
                "some of them read something",
            )
    if enforce_minimum(channel_graph, dict(plan.keep)):
        _raise_unfit(
            channel_graph,
            "keeps too few channels of a group",
            "a layer would be left without any, or Keras would mistake their axis",
        )


def _lengths(groups: dict[str, GroupPlan]) -> dict[str, int | None]:
    """Numbers of channels; None where the vectors of a group differ in length."""
    lengths = {
        name: {len(group.keep), len(group.scale), len(group.constant)}
        for name, group in groups.items()
    }
    return {name: max(sizes) if len(sizes) == 1 else None for name, sizes in lengths.items()}


def _are_constant(
    constant: np.ndarray, group: ChannelGroup, plan: Plan, channel_graph: ChannelGraph
) -> bool:
    """Whether all connections are cut through which some units of a group would read."""
    if not constant.any():
        return True
    left = {name: (g.scale > 0) & ~g.constant for name, g in plan.groups.items()}
    left[group.name] = constant
    kernels = {kernel.connections_name: kernel for kernel in channel_graph.kernels}
    name = f"{group.producers[0].name}/connections" if len(group.producers) == 1 else None
    if name not in plan.connections:
        return False
    return not kernels[name].between(plan.connections[name], left).any()


def _raise_unfit(channel_graph: ChannelGraph, what: str, why: str | None) -> NoReturn:
    raise ValueError(
        f"The plan {what}, in '{channel_graph.graph.name}': {why}. Apply it to a copy of the "
        "model it was made for."
    )
