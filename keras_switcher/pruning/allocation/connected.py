"""A connection of each kernel that is kept in any case, so that no layer is cut off."""

import numpy as np

from keras_switcher.graph.channel_graph import ChannelGraph


def one_connection_each(
    channel_graph: ChannelGraph, connections: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Masks with the strongest connection of each kernel, from unit to unit through the network.

    A kernel's connection is its strongest one from a unit that the kernels before it reach; where
    it has none from these, the strongest of all.

    Args:
        channel_graph: The network's `ChannelGraph`.
        connections: Matrices of factors by name of connection group; zero for what is cut.

    Returns:
        Boolean matrices by these names. Those of kernels that are cut off already are empty.
    """
    reached: dict[str, np.ndarray] = {}
    masks = {name: np.zeros(matrix.shape, bool) for name, matrix in connections.items()}
    for kernel in channel_graph.kernels:
        name = kernel.connections_name
        if name is None or name not in connections or not connections[name].any():
            continue
        matrix = connections[name]
        if 0 in kernel.axes:
            from_reached = matrix * kernel.axes[0].kept(reached)[:, None]
            matrix = from_reached if from_reached.any() else matrix
        row, column = np.unravel_index(np.argmax(matrix), matrix.shape)
        masks[name][row, column] = True
        if 1 in kernel.axes:
            made = kernel.axes[1]
            for group in made.groups:
                entries, channels = made.entries_of(group)
                here = reached.setdefault(group.name, np.zeros(group.size, bool))
                here[channels[entries == column]] = True
    return masks
