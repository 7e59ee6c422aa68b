"""Units that lost all their connections.

A unit that nothing reads any more goes. A unit that reads nothing any more is a constant: it goes
too, where the biases of all that read it can take the constant in.
"""

import numpy as np

from keras_switcher.graph.liveness import Liveness
from keras_switcher.pruning.bias_folding import foldable


def settle(anatomy, live: dict, connections: dict) -> tuple[dict, dict]:
    """What is left of each group when everything that follows from cut connections has happened.

    Args:
        anatomy: The model's `Anatomy`.
        live: Maps names of groups to float vectors, 1 where the group's own factor is not zero
            and 0 where it is.
        connections: Maps names of connection groups to matrices of factors; zero means cut.

    Returns:
        Two maps from names of groups to boolean vectors: the channels that are left, and those
        that are gone because they are constant.
    """
    cut = {name: matrix > 0 for name, matrix in connections.items()}
    makers = foldable(anatomy, connections) if connections else {}
    groups = [group for group in anatomy.groups if group.name in live or group in makers]
    live = {g.name: live.get(g.name, np.ones(g.size, "float32")) for g in groups}
    liveness = Liveness(anatomy, groups, [g for g in anatomy.connections if g.name in cut])
    constant = {}
    while True:
        rows = {name: mask.any(1).astype("float32") for name, mask in cut.items()}
        values = liveness.layout.join({**live, **rows})
        left = {name: np.asarray(vector) > 0 for name, vector in liveness(values).items()}
        changed = False
        for kernel in anatomy.kernels:
            if kernel.connections in cut:
                mask = cut[kernel.connections]
                cut[kernel.connections] = kernel.between(mask, left)
                changed |= not np.array_equal(mask, cut[kernel.connections])
        for group, made_by in makers.items():
            here = left.get(group.name, np.ones(group.size, bool))
            orphans = np.zeros(group.size, bool)
            producer = group.producers[0]
            orphans[producer.channels] = ~cut[made_by].any(0)[producer.entries]
            if (new := here & orphans).any():
                constant[group.name] = constant.get(group.name, False) | new
                live[group.name] = live[group.name] * ~new
                changed = True
        if not changed:
            return left, constant
