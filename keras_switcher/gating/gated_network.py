"""Where a network and a switcher meet: records for the one, factors for the gates of the other."""

import keras
import numpy as np
from keras import ops

from keras_switcher.gating.gates import feeding_normalization, gated_network
from keras_switcher.graph.call import arranged
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.liveness import Liveness
from keras_switcher.graph.packing import EdgeFactors, by_granularity
from keras_switcher.graph.selection import more_to_choose, select_groups
from keras_switcher.graph.untouched import describe_rest
from keras_switcher.reductions import total
from keras_switcher.switchers.records import ConnectionRecord, GroupRecord, KernelView
from keras_switcher.training.kept_share import KeptShare
from keras_switcher.training.pull import Pull


class GatedNetwork:
    """A task network with gates on the edges of the chosen groups.

    Args:
        task: The task network. Its layers and weights are used as they are.
        groups: See `select_groups`.
        granularity: What has factors: a tuple of `"channels"`, `"connections"` or both.

    Attributes:
        channel_graph: The task network's `ChannelGraph`.
        groups: The `ChannelGroup`s that have factors.
        connections: The `ConnectionGroup`s that have factors.
        records: What a switcher is told about them, with the network's variables.
        pulled: How hard a budget pulls at each factor, see `Pull`.
    """

    def __init__(self, task: keras.Model, groups, granularity: tuple[str, ...] = ("channels",)):
        self.reads_every_dense = groups == "dense"
        self.channel_graph = ChannelGraph(task, every_dense_input=self.reads_every_dense)
        self.groups, self.connections = select_groups(self.channel_graph, groups, granularity)
        self.network, self.edges = gated_network(self.channel_graph, self.names)
        self.network.autocast = False  # Factors stay in float32 under mixed precision.
        self.records = self._records()
        self._edge_factors = EdgeFactors(self.edges, self.groups)
        self._liveness = Liveness(self.channel_graph, self.groups)
        self._layout = self._liveness.layout
        is_normalized = feeding_normalization(self.channel_graph, self.groups)
        self.pulled = Pull(self.groups, is_normalized)
        self._kept_share = KeptShare(self.channel_graph, self._liveness.names)

    @property
    def names(self) -> list[str]:
        """Names of all that has factors: channel groups, then connection groups."""
        return [group.name for group in (*self.groups, *self.connections)]

    def ones(self) -> dict:
        """Factors that change nothing."""
        return {group.name: ops.ones(group.shape) for group in (*self.groups, *self.connections)}

    def run(self, inputs, factors: dict, training=None):
        """Runs the gated network with these factors."""
        inputs = arranged(inputs, self.channel_graph.graph.inputs)
        # NumPy arrays, which eager steps may pass, do not go together with tensors.
        inputs = keras.tree.map_structure(ops.convert_to_tensor, inputs, none_is_leaf=False)
        return self.network([inputs, self._edge_factors(factors)], training=training)

    def live(self, factors: dict) -> dict:
        """1 for the channels that are alive, 0 for others; gradients as of the factors."""
        return self._liveness(on_or_off(self._joined(factors)))

    def kept(self, factors: dict, of: str):
        """The share of the weights or MACs of the whole network that the factors leave.

        Its gradient is what each factor costs, as if a channel counted by its factor.
        """
        _, connections = by_granularity(factors)
        connected = {name: on_or_off(matrix) for name, matrix in connections.items()}
        return self._kept_share(self.live(factors), of, connected)

    def shares(self, factors: dict):
        """Shares of factors that prune, weaken and strengthen, and of weights removed.

        What only follows from cut connections, units without inputs or outputs, is not looked for
        at every step; `structure()` has it.

        Returns:
            A tensor of shape `(4,)`.
        """
        live, acting = self.live(factors), self._liveness.acting(self._joined(factors))
        acting = self._layout.join(acting) * self._layout.join(live)
        # Connections one by one: there are too many to be copied into one vector.
        acting = [acting[: self._layout.one], *(factors[group.name] for group in self.connections)]
        number = sum(group.size for group in (*self.groups, *self.connections))
        kept = sum(_count(values > 0) for values in acting) / number
        strengthened = sum(_count(values >= 1) for values in acting) / number
        connected = {g.name: on_or_off(factors[g.name]) for g in self.connections}
        removed = 1 - self._kept_share(live, "weights", connected)
        shares = [1 - kept, kept - strengthened, strengthened, removed]
        return ops.stack([ops.cast(share, "float32") for share in shares])

    def check_reachable(self, budget):
        """Raises ValueError if a `Budget` asks for less than one factor per group leaves."""
        factors = {
            group.name: ops.reshape(ops.eye(1, group.size), group.shape)
            for group in (*self.groups, *self.connections)
        }
        least = float(self.kept(factors, budget.of))
        if budget.keep < least:
            raise ValueError(
                f"The chosen groups cannot bring the {budget.of} down to {budget.keep:.2%}: with "
                f"one factor left in each, {least:.2%} remain."
                f"{describe_rest(self.channel_graph, self.names)}\n"
                + more_to_choose(self.channel_graph, self.groups, self.connections)
            )

    def _joined(self, factors):
        """The factors of all channels end to end."""
        return self._layout.join(by_granularity(factors)[0])

    def _records(self):
        kernels = self.channel_graph.kernels
        of = "macs" if all(kernel.is_countable for kernel in kernels) else "weights"
        total = sum(kernel.cost(of) for kernel in kernels)
        shares = {id(kernel.weight): kernel.cost(of) / total for kernel in kernels}

        def view(weight, axis, entries, channels):
            return KernelView(weight, axis, entries, channels, shares.get(id(weight), 0.0))

        vectors = {"scale": {}, "shift": {}}
        for role, weight, axis in self.channel_graph.vectors:
            for group in axis.groups:
                views = vectors[role].setdefault(group.name, [])
                views.append(view(weight, 0, *axis.entries_of(group)))

        def consumer(group, edge):
            if group.is_input:
                positions = np.arange(group.size)
                return view(edge.kernel, edge.kernel_axis, positions, positions)
            return view(edge.kernel, edge.kernel_axis, *edge.entries_of(group))

        channels = [
            GroupRecord(
                name=group.name,
                size=group.size,
                producers=tuple(
                    view(p.kernel, p.axis, p.entries, p.channels) for p in group.producers
                ),
                consumers=tuple(consumer(group, edge) for edge in group.consumers),
                scales=tuple(vectors["scale"].get(group.name, ())),
                shifts=tuple(vectors["shift"].get(group.name, ())),
                depth=group.depth,
            )
            for group in self.groups
        ]
        connections = [
            ConnectionRecord(
                name=group.name,
                kernel=group.layer.kernel,
                share=shares[id(group.layer.kernel)],
                depth=group.depth,
            )
            for group in self.connections
        ]
        return channels + connections


def on_or_off(factors):
    """1 for factors above zero, 0 for others; the gradient is that of the factors.

    A straight-through estimator (Bengio, Leonard and Courville 2013).
    """
    hard = ops.cast(factors > 0, factors.dtype)
    return factors + ops.stop_gradient(hard - factors)


def _count(chosen):
    return total(ops.cast(chosen, "float32"))
