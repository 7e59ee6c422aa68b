"""Budgets of MACs where some are not known: refused, unless those are to be left out."""

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.counting import unknown_macs
from keras_switcher.training.budget.budget import Budget


def check_macs_known(budget: Budget, channel_graph: ChannelGraph) -> None:
    """Raises for a budget of MACs where some are not known, and none was told to leave them out.

    Args:
        budget: The budget.
        channel_graph: The task network's `ChannelGraph`.

    Raises:
        ValueError: With the reason for each layer whose MACs are not known.
    """
    if budget.of != "macs":
        return
    unknown = unknown_macs(channel_graph)
    none_known = not any(kernel.cost("macs") for kernel in channel_graph.kernels)
    if none_known or (unknown and budget.unknown == "refuse"):
        reasons = "; ".join(f"'{name}': {why}" for name, why in unknown.items()) or "any layer"
        leave_out = (
            "" if none_known else ' Or take a share of the others: Budget(unknown="leave_out").'
        )
        raise ValueError(
            f"A budget of MACs needs to know them, and it does not know those of {reasons}. Ask "
            'for a share of the weights, Budget(of="weights"), or build the task network with a '
            f"fixed keras.Input(shape), where an open size is the reason.{leave_out}"
        )
