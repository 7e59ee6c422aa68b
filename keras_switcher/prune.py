"""prune: a smaller network within a budget, by a criterion, without training."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_switcher.arguments import check_allocation, check_floor, is_number
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.counting import unknown_macs
from keras_switcher.graph.groups import ChannelGroup
from keras_switcher.graph.selection import Choice, select_groups, shown_reasons
from keras_switcher.pruning.allocation.allocation import allocate
from keras_switcher.pruning.criteria import Criterion, ScoredNetwork, check_scores, get
from keras_switcher.pruning.planning import check_round_to
from keras_switcher.pruning.surgery import compact
from keras_switcher.pruning.verification import check_verify
from keras_switcher.training.budget.budget import Budget
from keras_switcher.training.budget.few_macs import warn_of_few_macs


def prune(
    model: keras.Model,
    budget: Budget,
    criterion: str | Criterion = "group_norm",
    allocation: str | Mapping[str, float] = "global",
    data: Any = None,
    groups: Choice = "all",
    floor: float = 0.05,
    round_to: int = 1,
    verify: bool = True,
) -> keras.Model:
    """Removes the channels of the lowest scores until a budget is met, without any training.

    What is removed is gone exactly: the result computes what the model would if nothing read these
    channels. Its weights or MACs are at most the budget's share, and with `allocation="global"`
    there is no room left for any other channel. It has lost accuracy, more the more is removed:
    train it on. Inputs of the network, and the positions behind a Flatten, are never removed one
    by one.

    Args:
        model: A built Functional or Sequential model. It is not changed.
        budget: The `Budget`. Its epochs and strength are of no use here.
        criterion: `"group_norm"` (or `"group_norm_l1"`), `"bn_scale"`, `"taylor"`, `"activation"`,
            `"random"`, or a `keras_switcher.criteria.Criterion`.
        allocation: `"global"`: the best channels of all groups stay. `"uniform"`: the same share
            of each group. A mapping from names of groups to shares: these groups keep that share,
            rounded up, the others what is best.
        data: What `"taylor"` and `"activation"` look at: arrays `(x, y)`, in batches of 32, or an
            iterable of batches; a few hundred samples do. Several inputs are a dict or a list in
            the place of `x`; a list alone is one of batches.
        groups: Which groups may lose channels, see `SwitcherModel`.
        floor: The share of each group's channels that stays in any case; at least one does.
        round_to: Each group keeps a multiple of this number of channels, or all.
        verify: Compare the result with the model, see `prune_channels`.

    Returns:
        A new Functional model.

    Warns:
        UserWarning: If a budget of latency leaves far fewer MACs than its share.

    Raises:
        ValueError: If an argument is not one of its choices, the budget cannot be met (it says
            what is the least), no channels can be pruned, MACs are not known, the criterion needs
            data that are not there or do not fit, or its scores have a wrong shape or are not
            finite.

    Example:

    >>> import keras_switcher as ks
    >>> model = keras.Sequential([
    ...     keras.Input((4,)),
    ...     keras.layers.Dense(8, "relu", name="hidden"),
    ...     keras.layers.Dense(2, name="head"),
    ... ])
    >>> small = ks.prune(model, ks.Budget(0.5, of="macs"))
    >>> small.get_layer("hidden").units, ks.count_macs(small).total / ks.count_macs(model).total
    (4, 0.5)
    """
    check_verify(verify)
    _check(budget, allocation, floor, round_to)
    criterion = get(criterion)
    channel_graph = ChannelGraph(model)
    if budget.of == "macs" and budget.unknown == "refuse":
        _check_macs_known(channel_graph)
    chosen = _chosen(channel_graph, groups)
    network = _network(model, channel_graph, chosen, data)
    scores = check_scores(criterion.scores(network), chosen, criterion)
    if isinstance(allocation, Mapping):
        allocation = _shares(allocation, channel_graph, scores)
    plan = allocate(channel_graph, scores, budget.keep, budget.measure, allocation, floor, round_to)
    warn_of_few_macs(budget, channel_graph, plan)
    masks = {name: plan.keep[name].astype("float32") for name in scores}
    return compact(channel_graph, plan, masks if verify else None)


def _chosen(channel_graph: ChannelGraph, groups: Choice) -> list[ChannelGroup]:
    """The groups that may lose channels."""
    chosen = [group for group in select_groups(channel_graph, groups)[0] if not group.is_input]
    if not chosen:
        others = [group for group in channel_graph.groups if not group.is_input]
        name, prunable = channel_graph.graph.name, any(group.prunable for group in others)
        what = f"groups={groups!r} chooses no channels of '{name}' that can be pruned"
        reasons = {group.name: group.reason or "it is prunable" for group in others}
        raise ValueError(
            f"{what if prunable else f'Nothing of {name!r} can be pruned'}: inputs of the network "
            f"always stay.{shown_reasons(channel_graph, reasons)}"
        )
    return chosen


def _network(
    model: keras.Model, channel_graph: ChannelGraph, groups: list[ChannelGroup], data: Any
) -> ScoredNetwork:
    if data is None:
        return ScoredNetwork(channel_graph, groups)
    # Here: under a backend that trains nothing, weights can be scored all the same.
    from keras_switcher.training.observing import observe_activations, observe_gradients

    return ScoredNetwork(
        channel_graph,
        groups,
        lambda: observe_gradients(model, groups, data),
        lambda: observe_activations(channel_graph, groups, data),
    )


def _check(budget: Any, allocation: Any, floor: Any, round_to: Any) -> None:
    if not isinstance(budget, Budget):
        raise ValueError(
            "`budget` must be a keras_switcher.Budget, for example Budget(0.5, of='macs'). "
            f"Received: budget={budget!r}."
        )
    if not isinstance(allocation, Mapping):
        check_allocation(allocation, ", or map names of groups to shares")
    check_floor(floor)
    check_round_to(round_to)


def _check_macs_known(channel_graph: ChannelGraph) -> None:
    if unknown := unknown_macs(channel_graph):
        reasons = "; ".join(f"'{name}': {why}" for name, why in unknown.items())
        raise ValueError(
            f"A budget of MACs needs to know them, and it does not know those of {reasons}. Ask "
            'for a share of the weights, Budget(of="weights"), or of the others: '
            'Budget(unknown="leave_out").'
        )


def _shares(
    allocation: Mapping[str, float], channel_graph: ChannelGraph, scores: dict[str, np.ndarray]
) -> dict[str, float]:
    """The shares of an allocation by the names of their groups."""
    shares: dict[str, float] = {}
    for name, share in allocation.items():
        group = channel_graph.group(name)
        if group.name not in scores:
            why = group.reason or "the criterion has no scores for it, or it was not chosen"
            raise ValueError(f"'{name}' in `allocation` cannot be pruned: {why}.")
        if not (is_number(share) and 0 < share <= 1):
            raise ValueError(
                f"allocation['{name}'] must be a share above 0 and up to 1. Received: {share!r}."
            )
        if shares.setdefault(group.name, share) != share:
            raise ValueError(f"`allocation` has two shares for one group, '{group.name}'.")
    return shares
