"""Where a network and a switcher meet: records for the one, factors for the gates of the other."""

import keras
import numpy as np
from keras import ops

from keras_switcher.graph.anatomy import Anatomy
from keras_switcher.graph.flat import FlatChannels, edge_factors
from keras_switcher.graph.gating import alive, gated_network, kept_share
from keras_switcher.graph.selection import select_groups
from keras_switcher.switchers.records import GroupRecord, KernelView


class Wiring:
    """A task network with gates on the edges of the chosen groups.

    Args:
        task: The task network. Its layers and weights are used as they are.
        groups: See `select_groups`.

    Attributes:
        anatomy: The task network's `Anatomy`.
        groups: The `ChannelGroup`s that have factors.
        records: What a switcher is told about them, with the network's variables.
    """

    def __init__(self, task: keras.Model, groups):
        self.reads_every_dense = groups == "dense"
        self.anatomy = Anatomy(task, every_dense_input=self.reads_every_dense)
        self.groups = select_groups(self.anatomy, groups)
        self.network, self.edges = gated_network(self.anatomy, self.names)
        self.network.autocast = False  # Factors stay in float32 under mixed precision.
        self.records = self._records()

    @property
    def names(self) -> list[str]:
        """Names of the groups that have factors."""
        return [group.name for group in self.groups]

    def run(self, inputs, factors: dict, training=None):
        """Runs the gated network with these factors."""
        # NumPy arrays, which eager steps may pass, do not go together with tensors.
        inputs = keras.tree.map_structure(ops.convert_to_tensor, inputs)
        return self.network([inputs, edge_factors(self.edges, factors)], training=training)

    def live(self, factors: dict) -> dict:
        """1 for what is alive, 0 for what is switched off; the gradient is that of the factors."""
        flat = FlatChannels(factors)
        hard = ops.cast(flat.values > 0, flat.values.dtype)
        values = flat.values + ops.stop_gradient(hard - flat.values)
        return alive(self.anatomy, flat.split(values))

    def kept(self, factors: dict, of: str):
        """The share of the weights or MACs of the whole network that the factors leave."""
        return kept_share(self.anatomy, self.live(factors), of)

    def shares(self, factors: dict):
        """Shares of channels that are pruned, weakened and strengthened, and of weights removed.

        Returns:
            A tensor of shape `(4,)`.
        """
        live = self.live(factors)
        acting = [
            group.consumers[0].gather(factors) if group.is_input else factors[group.name]
            for group in self.groups
        ]
        acting = ops.concatenate(acting) * ops.concatenate([live[name] for name in self.names])
        pruned = ops.mean(ops.cast(acting <= 0, acting.dtype))
        strengthened = ops.mean(ops.cast(acting >= 1, acting.dtype))
        removed = 1 - ops.cast(kept_share(self.anatomy, live), acting.dtype)
        return ops.stack([pruned, 1 - pruned - strengthened, strengthened, removed])

    def check_reachable(self, budget):
        """Raises ValueError if a `Budget` asks for less than one channel per group leaves."""
        factors = {group.name: np.eye(1, group.size)[0] for group in self.groups}
        least = float(
            self.kept({k: ops.convert_to_tensor(v) for k, v in factors.items()}, budget.of)
        )
        if budget.keep < least:
            raise ValueError(
                f"The chosen groups cannot bring the {budget.of} down to {budget.keep:.2%}: with "
                f"one channel left in each, {least:.2%} remain. Ask for more, or choose more "
                "groups."
            )

    def _records(self):
        kernels = {id(kernel.weight): kernel for kernel in self.anatomy.kernels}
        of = "weights" if any(k.positions is None for k in kernels.values()) else "macs"
        total = sum(kernel.cost(of) for kernel in kernels.values())

        def view(weight, axis, entries, channels):
            share = kernels[id(weight)].cost(of) / total if id(weight) in kernels else 0.0
            return KernelView(weight, axis, entries, channels, share)

        def vectors(group, wanted):
            return tuple(
                view(weight, 0, *axis.entries_of(group))
                for role, weight, axis in self.anatomy.vectors
                if role == wanted and group in axis.groups
            )

        def consumer(group, edge):
            if group.is_input:
                positions = np.arange(group.size)
                return view(edge.kernel, edge.kernel_axis, positions, positions)
            return view(edge.kernel, edge.kernel_axis, *edge.entries_of(group))

        return [
            GroupRecord(
                name=group.name,
                size=group.size,
                producers=tuple(
                    view(p.kernel, p.axis, p.entries, p.channels) for p in group.producers
                ),
                consumers=tuple(consumer(group, edge) for edge in group.consumers),
                scales=vectors(group, "scale"),
                shifts=vectors(group, "shift"),
                depth=group.depth,
            )
            for group in self.groups
        ]
