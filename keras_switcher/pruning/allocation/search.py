"""Search: masks of the factors of a network, packed, what they cost and what comes next."""

from collections.abc import Callable
from math import inf

import numpy as np

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.cost_terms import KnownTerms, Measure
from keras_switcher.graph.edge import Edge
from keras_switcher.graph.groups import split_factors
from keras_switcher.graph.kernel import Kernel
from keras_switcher.pruning.allocation.connected import connected_path
from keras_switcher.pruning.allocation.filling import fill, prefix
from keras_switcher.pruning.allocation.kept_cost import KeptCost
from keras_switcher.pruning.allocation.planned_cost import PlannedCost
from keras_switcher.pruning.allocation.ranking import Ranking, rank
from keras_switcher.pruning.costs import cost_of
from keras_switcher.pruning.plan import Plan
from keras_switcher.pruning.planning import plan_removal

Factors = dict[str, np.ndarray]
Masks = dict[str, np.ndarray]


class Search:
    """What masks of factors cost, and in which order factors are kept.

    Masks are packed: those of all factors end to end, then True.

    Args:
        channel_graph: The network's `ChannelGraph`.
        factors: Maps names of groups to vectors, and of connection groups to matrices.
        of: `"weights"`, `"macs"`, or a table of costs.
        round_to: See `plan_removal`.

    Attributes:
        factors: The factors, in the order in which masks are packed.
        ranking: The `Ranking` of all factors.
        always: The packed mask of those that stay in any case.
        is_counted: Whether counting channels tells what a plan would cost.
    """

    def __init__(
        self, channel_graph: ChannelGraph, factors: Factors, of: Measure, round_to: int
    ) -> None:
        self._channel_graph = channel_graph
        self._of = of = of if isinstance(of, str) else KnownTerms(of, channel_graph)
        self._round_to = round_to
        self._planned: tuple[np.ndarray, Plan] | None = None  # The last mask, and its plan.
        channels, connections = split_factors(factors)
        groups = [group for group in channel_graph.groups if group.name in channels]
        self.factors = {group.name: channels[group.name] for group in groups} | connections
        self._connections = connections
        self._kernels = {str(k.connections_name): k for k in channel_graph.kernels}
        self._kept_cost = KeptCost(channel_graph, groups, of, without=connections)
        self._of_masks = None if connections else PlannedCost(channel_graph, groups, of, round_to)
        self._rounded = [group.name for group in groups if not group.is_input]
        flat = {name: f.ravel().astype("float64") for name, f in self.factors.items()}
        on = {name: int((f > 0).sum()) for name, f in flat.items()}
        path = connected_path(channel_graph, self.factors)
        first = {name: 0 if name in path else min(1, on[name]) for name in flat}
        self._on = np.concatenate([*(f > 0 for f in flat.values()), [True]])
        # Where all that is on is used, counting is exact; else it is asked what a plan would keep.
        self.is_counted = not connections and not any(group.is_input for group in groups)
        self.is_counted &= all(on.values()) and round_to == 1
        self._prefer_what_arrives(groups, flat)
        self.ranking: Ranking = rank(flat, first, on)
        always = [path.get(name, np.zeros(f.shape, bool)).ravel() for name, f in flat.items()]
        self.always = self.ranking.first(0) | np.concatenate([*always, [True]])

    def _prefer_what_arrives(self, groups: list, flat: Factors) -> None:
        """Ranks first, in each group of inputs, the strongest that a kept channel arrives at.

        Else what is kept in any case might read nothing, and seem to cost nothing.
        """
        kept = {g.name: flat[g.name] == flat[g.name].max() for g in groups if not g.is_input}
        for group in groups:
            if group.is_input:
                arrives = group.consumers[0].gather_channels(kept, np)
                reads = flat[group.name] * (1 if arrives is None else arrives)
                if reads.any():
                    flat[group.name][np.argmax(reads)] = 2 * flat[group.name].max()

    def cost(self, mask: np.ndarray) -> int:
        """What a packed mask leaves of the cost."""
        return self._kept_cost.count(mask) if self.is_counted else self.planned_cost(mask)

    def planned_cost(self, mask: np.ndarray) -> int:
        """The same, of the plan that would be made of it."""
        if self._of_masks is not None:
            return self._of_masks.cost(mask & self._on)
        return cost_of(self._channel_graph, self._of, self._plan(mask))

    def within(self, limit: int) -> np.ndarray:
        """The packed mask of the strongest that a limit has room for."""

        def room(mask: np.ndarray) -> int:
            return limit - self.cost(mask)

        mask = prefix(self.ranking, self.always, lambda mask: room(mask) >= 0)
        filled = self._filled(mask, room)
        while not self.is_counted and (filled != mask).any():
            # What comes alive, or in the place of a filler, may make room for what had none.
            mask, filled = filled, self._filled(filled, room)
        return filled

    def _filled(self, mask: np.ndarray, room: Callable[[np.ndarray], int]) -> np.ndarray:
        independent = self.independent if self._connections else None
        return fill(self.ranking, mask, room, self.increments, independent)

    def independent(self, mask: np.ndarray) -> np.ndarray:
        """Connections of units that are kept: one more of them changes nothing else.

        None where layers need units beside: another connection may do instead.
        """
        plan = self._plan(mask)
        found = np.zeros(len(mask), bool)
        if _acts_as_a_whole(plan):
            found[-1 - sum(matrix.size for matrix in self._connections.values()) : -1] = True
        return found

    def increments(self, mask: np.ndarray) -> np.ndarray:
        """What each factor adds at least to what a packed mask leaves, if it adds anything."""
        if self.is_counted:
            return self._kept_cost.increments(mask)
        if self._of_masks is not None:
            return np.append(self._of_channels(mask, self._of_masks.keep(mask & self._on)), 0)
        plan = self._plan(mask)
        of_channels = self._of_channels(mask, plan.keep)
        parts = [of_channels + self._of_returning_connections(mask, plan)]
        for name, matrix in self._connections.items():
            kernel = self._kernels[name]
            between = kernel.between(np.ones_like(matrix), plan.keep)
            # Connections of units that are gone connect nothing.
            parts.append(np.where(between > 0, self._used(kernel, plan), inf).ravel())
        return np.concatenate([*parts, [0]])

    def _used(self, kernel: Kernel, plan: Plan) -> int:
        """What one entry of a kernel counts."""
        return 1 if self._of == "weights" else sum(u.positions(plan.keep) for u in kernel.uses)

    def _of_channels(self, mask: np.ndarray, keep: Masks) -> np.ndarray:
        each = self._kept_cost.increments(self._kept_cost.pack(keep))[:-1]
        for name in self._rounded if self._round_to > 1 else ():
            span = self._kept_cost.spans[name]
            off, on = ~keep[name], int((mask[span] & keep[name]).sum())
            # A filler is replaced for nothing; otherwise as many come as make a multiple.
            number = 0 if on % self._round_to else min(self._round_to, int(off.sum()))
            each[span] = number * each[span][off].min() if number else 0.0
        return each

    def _of_returning_connections(self, mask: np.ndarray, plan: Plan) -> np.ndarray:
        """What comes back at least with each unit that is off: its connections that are on.

        Nothing, unless there are such from what is kept and to what is kept: else it may stay dead.
        Nor where layers need units beside, which may then go.
        """
        spans, factors = self._kept_cost.spans, self.masked(mask)
        if self._round_to > 1 or not spans or not _acts_as_a_whole(plan):
            return np.zeros(sum(span.stop - span.start for span in spans.values()))
        # Of each channel: those to what reads it, and those from what makes it.
        ends = {name: np.zeros((2, span.stop - span.start)) for name, span in spans.items()}
        for name in self._connections:
            kernel, on = self._kernels[name], (factors[name] > 0).astype("float64")
            on *= self._used(kernel, plan)
            for number, axis in kernel.axes.items():
                beyond = kernel.axes.get(1 - number)
                there = np.ones(on.shape[1 - number]) if beyond is None else beyond.kept(plan.keep)
                counts = on @ there if number == 0 else there @ on
                own = axis.input_group if isinstance(axis, Edge) else None
                if isinstance(axis, Edge) and own is not None and own.name in ends:
                    arrives = axis.gather_channels(plan.keep, np)
                    # Nothing makes it: half for either end.
                    ends[own.name] += counts / 2 if arrives is None else counts / 2 * arrives
                    counts = counts * plan.keep[own.name]
                for group in axis.groups:
                    if group.name in ends:
                        entries, channels = axis.entries_of(group)
                        size = ends[group.name].shape[1]
                        ends[group.name][number] += np.bincount(channels, counts[entries], size)
        return np.concatenate([np.where(e.all(0), e.sum(0), 0) for e in ends.values()])

    def masked(self, mask: np.ndarray) -> Factors:
        """The factors that a packed mask leaves on, by name of group."""
        masked, start = {}, 0
        for name, factor in self.factors.items():
            own = mask[start : start + factor.size].reshape(factor.shape)
            masked[name] = np.where(own, factor, np.zeros_like(factor))
            start += factor.size
        return masked

    def _plan(self, mask: np.ndarray) -> Plan:
        if self._planned is None or self._planned[0] is not mask:
            self._planned = (
                mask,
                plan_removal(self._channel_graph, self.masked(mask), self._round_to),
            )
        return self._planned[1]


def _acts_as_a_whole(plan: Plan) -> bool:
    """Whether no unit is kept beside, because a layer needs it, though it is off or constant."""
    groups = plan.groups.values()
    return not any((group.keep & (group.constant | (group.scale <= 0))).any() for group in groups)
