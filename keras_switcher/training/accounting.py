"""Accounting: the kept share of a network's costs, differentiable in the factors."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
from keras import ops

from keras_switcher.gating.gated_network import GatedNetwork
from keras_switcher.graph.axis import Axis
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.cost_terms import CostTable, CostTerm, Measure, name_of
from keras_switcher.graph.edge import Edge
from keras_switcher.graph.kernel import COSTS, Kernel, Use
from keras_switcher.graph.liveness import Liveness
from keras_switcher.graph.packing import PackedLayout
from keras_switcher.switchers.straight_through import straight_through_step
from keras_switcher.tensors import Tensor, as_constant, widest


class Accounting:
    """Counts what factors leave of a gated network, with gradients where a budget needs them.

    Args:
        gated: The `GatedNetwork`.
    """

    def __init__(self, gated: GatedNetwork) -> None:
        self._liveness = Liveness(gated.channel_graph, gated.groups)
        self._layout = self._liveness.layout
        self._connections = [group.name for group in gated.connections]
        self._channel_graph = gated.channel_graph
        self._kept_share = KeptShare(
            gated.channel_graph, self._liveness.layout_left, self._connections
        )
        self._of_tables: dict[int, tuple[CostTable, KeptShare]] = {}

    def live(self, factors: dict[str, Tensor]) -> Tensor:
        """1 for the channels that are alive, 0 for others, packed; gradients as of the factors."""
        return self._liveness.packed(straight_through_step(self._layout.join(factors)))

    def kept(self, factors: dict[str, Tensor], of: Measure) -> Tensor:
        """The share of a cost of the whole network that the factors leave.

        Its gradient is what each factor costs, as if a channel counted by its factor.

        Args:
            factors: Tensors by name of group.
            of: `"weights"`, `"macs"` or a table of costs.
        """
        share = self._kept_share if isinstance(of, str) else self._share_of(of)
        return share(self.live(factors), name_of(of), self._connected(factors))

    def weights_removed(self, factors: dict[str, Tensor]) -> Tensor:
        """The share of the weights that the factors remove.

        What only follows from cut connections, units without inputs or outputs, is not looked for
        at every step; `structure()` has it.
        """
        return ops.cast(1 - self.kept(factors, "weights"), "float32")

    def _share_of(self, table: CostTable) -> "KeptShare":
        if id(table) not in self._of_tables:
            share = KeptShare(self._channel_graph, self._liveness.layout_left, table=table)
            self._of_tables[id(table)] = table, share
        return self._of_tables[id(table)][1]

    def _connected(self, factors: dict[str, Tensor]) -> dict[str, Tensor]:
        """1 for the connections that are left, 0 for others."""
        return {name: straight_through_step(factors[name]) for name in self._connections}


class KeptShare:
    """The share of a model's costs that is left.

    A kernel with a kept inputs and b kept outputs keeps a * b of its weights; biases and
    normalisation do not count. Differentiable.

    Args:
        channel_graph: The model's `ChannelGraph`.
        layout: The `PackedLayout` of what it will be told of channels: which are alive.
        connections: Names of the connection groups about which it will be told what is left.
        table: A table of another cost, to count that alone.
    """

    def __init__(
        self,
        channel_graph: ChannelGraph,
        layout: PackedLayout,
        connections: Iterable[str] = (),
        table: CostTable | None = None,
    ) -> None:
        self._layout = layout
        terms: list[_Term | _TableTerm]
        if table is None:
            terms = [term for kernel in channel_graph.kernels for term in _terms_of(kernel)]
        else:
            terms = [_TableTerm(term, table.of) for term in table.terms(channel_graph)]
        costs = [term.costs for term in terms]
        names = COSTS if table is None else (table.of,)
        self._costs = {of: np.array([each[of] for each in costs], "float64") for of in names}
        indices = [self._index(axis) for term in terms for axis in term.axes]
        self._lengths = np.array([len(index) for index in indices], "float32")
        if indices:
            self._channels = as_constant(np.concatenate(indices))
            self._axes = as_constant(np.repeat(np.arange(len(indices)), [len(i) for i in indices]))
        # Which axes each term has. Those of a kernel whose connections are told do not count.
        numbers, one = iter(range(len(indices))), self._layout.one
        told, rows = set(connections), []
        self._connected: list[tuple[int, str, list]] = []
        for number, term in enumerate(terms):
            row, name = [next(numbers) for _ in term.axes], term.connections_name
            if isinstance(term, _Term) and name in told:
                own, row = row[: len(term.kernel.axes)], row[len(term.kernel.axes) :]
                sides = [(k, indices[i]) for k, i in zip(term.kernel.axes, own, strict=True)]
                known = [(k, as_constant(index)) for k, index in sides if (index != one).any()]
                self._connected.append((number, name, known))
            rows.append(row)
        # Column by column; a one behind the shares of all axes stands for those that a term lacks.
        width = max(map(len, rows), default=0)
        padded = [[*row, *[len(indices)] * (width - len(row))] for row in rows]
        self._columns = [as_constant(column) for column in zip(*padded, strict=True)]

    def __call__(
        self,
        live: Tensor,
        of: str = "weights",
        connected: dict[str, Tensor] | None = None,
    ) -> Tensor:
        """A scalar from 0 to 1.

        Args:
            live: 1 for the channels that are alive and 0 for others, packed by the layout, as
                `Liveness.packed` returns it.
            of: `"weights"`, or `"macs"`, of which those that are not known are left out; the name
                of what a table counts.
            connected: Maps the names of the connection groups to matrices, 1 for the connections
                that are left and 0 for others. Only these of a kernel count.
        """
        connected = connected or {}
        dtype = widest(live, *connected.values())
        # Changes no shape: the gradient of several gathers becomes one dense vector here.
        values = ops.reshape(ops.cast(live, dtype), (-1,))
        shares = ops.append(self._live_shares(values), ops.ones(1, values.dtype))
        costs = self._costs[of] / self._costs[of].sum()
        left = ops.ones(len(costs), shares.dtype)
        for column in self._columns:
            left = left * ops.take(shares, column, axis=0)
        kept = 0.0
        for number, name, sides in self._connected:
            if costs[number]:
                inside = self._left_of(ops.cast(connected[name], dtype), sides, values)
                kept += costs[number] * inside * left[number]
                costs[number] = 0
        return kept + ops.sum(left * ops.cast(costs, shares.dtype))

    def _live_shares(self, values: Tensor) -> Tensor:
        """The mean along each axis, as one vector."""
        if not len(self._lengths):
            return ops.zeros(0, values.dtype)
        found = ops.take(values, self._channels, axis=0)
        sums = ops.segment_sum(found, self._axes, num_segments=len(self._lengths))
        return sums / ops.cast(self._lengths, values.dtype)

    def _left_of(
        self, matrix: Tensor, known_sides: list[tuple[int, Tensor]], values: Tensor
    ) -> Tensor:
        """The share of a kernel's connections that is left between what is alive on both sides."""
        sides = [ops.ones(size, matrix.dtype) for size in matrix.shape]
        for number, index in known_sides:
            sides[number] = ops.take(values, index, axis=0)
        inputs, outputs = sides
        return ops.matmul(inputs, ops.matmul(matrix, outputs)) / np.prod(matrix.shape)

    def _index(self, axis: Axis) -> np.ndarray:
        # Input positions know already which channels are gone: counted twice, gradients double.
        own = self._layout.own_index(axis) if isinstance(axis, Edge) else None
        return self._layout.index(axis) if own is None else own


@dataclass(eq=False)
class _Term:
    """A kernel, used at positions of which all stay, or go with the channels along some axes."""

    kernel: Kernel
    positions: list[Axis]
    uses: list[Use]

    @property
    def connections_name(self) -> str | None:
        return self.kernel.connections_name

    @property
    def axes(self) -> list[Axis]:
        return [*self.kernel.axes.values(), *self.positions]

    @property
    def costs(self) -> dict[str, int]:
        size = prod(self.kernel.weight.shape)
        macs = size * sum(use.positions({}) for use in self.uses)
        return {"weights": 0 if self.positions else size, "macs": macs}


class _TableTerm:
    """A term of a table of costs."""

    connections_name = None

    def __init__(self, term: CostTerm, of: str) -> None:
        self.axes = term.axes
        self.costs = {of: term.whole}


def _terms_of(kernel: Kernel) -> Iterator[_Term]:
    """One term counts the kernel's weights, and its MACs where no position goes."""
    yield _Term(kernel, [], [use for use in kernel.uses if not use.axes])
    for use in kernel.uses:
        if use.axes:
            yield _Term(kernel, use.axes, [use])
