"""Unreplicable layers: those of a user's that no smaller model could have."""

import numpy as np

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.pruning.replicas.copying import copied_whole
from keras_switcher.pruning.replicas.rebuilding import build_verified, describes_itself
from keras_switcher.pruning.replicas.replicator import is_cut
from keras_switcher.user_warnings import warn_user


def warn_of_unreplicable(channel_graph: ChannelGraph) -> None:
    """Warns of the user's own layers that no smaller model could have, before any training.

    Those are layers that have to be smaller or cannot be copied, and whose configuration does not
    describe them.

    Args:
        channel_graph: The network's `ChannelGraph`.
    """
    fewest = {g.name: np.arange(g.size) == 0 for g in channel_graph.groups if g.prunable}
    own = {id(call.op): call for call in channel_graph.graph.calls if not describes_itself(call.op)}
    whole = [call.op for call in own.values() if not is_cut(channel_graph, call.op, fewest)]
    copies = copied_whole(whole)
    for key, call in own.items():
        if key not in copies:
            try:
                build_verified(call, call.op.name, {})
            except ValueError as error:
                warn_user(f"compact() and export() will fail: {error}")
