"""Few MACs: what to say where a budget of latency leaves far less of a network than of its time."""

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.costs import remaining
from keras_switcher.pruning.plan import Plan
from keras_switcher.training.budget.budget import OF_TABLE, Budget
from keras_switcher.user_warnings import warn_user


def advice_on_macs(
    budget: Budget | None, channel_graph: ChannelGraph, before: dict, after: dict
) -> str | None:
    """What to say where far fewer MACs are left than the share of the time that was asked for.

    Narrowed all to the same share of their channels, layers keep its square of the MACs, and of
    the time something between the square and the share itself. So the square of what was asked for
    is the least to be expected, however a device's time follows the widths; groups need not be
    narrowed alike, and half of that is still no surprise. Less is left only where much of the time
    stays whatever is removed.

    Args:
        budget: The `Budget`, or None.
        channel_graph: The network's `ChannelGraph`.
        before: The costs of the network, see `remaining`.
        after: What is left of them.
    """
    if budget is None or budget.of != OF_TABLE or budget.table is None or not before["macs"]:
        return None
    left = after["macs"] / before["macs"]
    if left >= budget.keep**2 / 2:
        return None
    terms = budget.table.terms(channel_graph)
    fixed = sum(term.whole for term in terms if not term.axes)
    share = fixed / sum(term.whole for term in terms)
    return (
        f"A budget of {budget.keep:.2%} of the latency leaves {left:.2%} of the macs: {share:.2%} "
        "of the time are what any file of so many layers costs, however narrow, and in what is "
        f"left all else has to fit. Keep more, or a share of the macs: Budget({budget.keep:g}, "
        "of='macs')."
    )


def warn_of_few_macs(budget: Budget | None, channel_graph: ChannelGraph, plan: Plan) -> None:
    """Warns of what a plan that a budget of latency has led to leaves.

    Args:
        budget: The `Budget`, or None.
        channel_graph: The network's `ChannelGraph`.
        plan: The plan.
    """
    if budget is None or budget.of != OF_TABLE:
        return
    costs = remaining(channel_graph), remaining(channel_graph, plan)
    if advice := advice_on_macs(budget, channel_graph, *costs):
        warn_user(advice)
