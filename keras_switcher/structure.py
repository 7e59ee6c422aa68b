"""Structure: channels kept per group, and weights, parameters and MACs before and after."""

from dataclasses import dataclass

import numpy as np

from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.counting import unknown_macs
from keras_switcher.graph.groups import ChannelGroup
from keras_switcher.graph.hidden_weights import describe_hidden
from keras_switcher.pruning.allocation.projection import Projected
from keras_switcher.pruning.costs import remaining, shown_cost
from keras_switcher.pruning.plan import Plan
from keras_switcher.training.budget.advice import TrainingSoFar, advice_after
from keras_switcher.training.budget.budget import Budget
from keras_switcher.training.budget.few_macs import advice_on_macs


@dataclass(frozen=True)
class GroupCounts:
    """Counts of one group's channels (or connections) by their factors.

    Args:
        name: Name of the group.
        total: Number of its channels (or connections).
        kept: How many are kept: `strengthened + weakened`.
        strengthened: How many have a factor of one or more.
        weakened: How many have a factor above zero and below one.
    """

    name: str
    total: int
    kept: int
    strengthened: int
    weakened: int

    @property
    def pruned(self) -> int:
        """How many are removed."""
        return self.total - self.kept


class Structure:
    """Channels kept per group, and costs before and after; `print` shows it as a table.

    `SwitcherModel.structure()` returns one.

    Args:
        channel_graph: The task network's `ChannelGraph`.
        names: Names of the groups, of channels or connections, that have factors.
        plan: The `Plan` of the factors.
        budget: The `Budget` that they were trained with, if there was one.
        training: How far training has come, to say why a budget was missed.
        projected: A budget that the factors were projected to, and what that took.

    Attributes:
        groups: `GroupCounts`: groups of channels in the order of the network, those of inputs last,
            then connections.
        factors: The factors that are counted, by name: as they act, those of inputs times those of
            the channels that arrive there; zero for what goes.
        before: Costs of the task network: `weights` (kernels only), `parameters` (all), `macs`
            per sample (of those layers where they are known) and, where the budget is one of
            latency, `latency` in picoseconds as its table has it.
        after: The same for the compact network. Of kernels with cut connections only what is not
            zero counts, as weights and as MACs, although the compact network stores the zeros and
            multiplies with them.
        unknown_macs: Why the MACs of some layers are not known, by their names.

    Example:

    >>> import keras
    >>> import keras_switcher as ks
    >>> hidden = keras.layers.Dense(4, name="hidden")
    >>> task = keras.Sequential([keras.Input((2,)), hidden, keras.layers.Dense(1)])
    >>> model = ks.SwitcherModel(task, ks.switchers.FreeFactors(), groups=["hidden"])
    >>> _ = model.switcher.parameters.assign([1, 0.5, 0, 0])
    >>> print(model.structure())
    group          kept           of strengthened     weakened       pruned
    hidden            2            4            1            1            2
    weights: 12 -> 6 (50.00% removed)
    parameters: 17 -> 9 (47.06% removed)
    macs: 12 -> 6 (50.00% removed)
    """

    def __init__(
        self,
        channel_graph: ChannelGraph,
        names: list[str],
        plan: Plan,
        budget: Budget | None = None,
        training: TrainingSoFar | None = None,
        projected: tuple[Budget, Projected] | None = None,
    ) -> None:
        self._budget = budget
        self._projected = projected
        self._training = training
        self._hidden = describe_hidden(channel_graph)
        self.factors = {
            name: _of_connections(name, channel_graph, plan)
            if name in plan.connections
            else _of_channels(channel_graph.group(name), plan)
            for name in names
        }
        self.groups = [
            _counts(name, effective, plan.keep.get(name))
            for name, effective in self.factors.items()
        ]
        self._rounded = sum(
            int((plan.keep[name] & (effective == 0)).sum())
            for name, effective in self.factors.items()
            if name in plan.keep
        )
        self._has_connections = bool(plan.connections)
        known = projected[0] if projected else budget
        table = known.table if known else None
        self.before = remaining(channel_graph, table=table)
        self.after = remaining(channel_graph, plan, table)
        self.unknown_macs = unknown_macs(channel_graph)
        self._few_macs = advice_on_macs(known, channel_graph, self.before, self.after)

    def removed(self, of: str = "weights") -> float:
        """The share of one of the costs in `before` that is removed, from 0 to 1.

        Raises:
            ValueError: If `of` is none of these, or is `"macs"` and no layer's MACs are known.
        """
        if of not in self.before:
            raise ValueError(f"`of` must be one of {tuple(self.before)}. Received: of={of!r}.")
        if not self.before[of]:
            raise ValueError(
                f"MACs are not known ({self._unknown()}). Where an open size is the reason, build "
                "the task network with a fixed keras.Input(shape)."
            )
        return 1 - self.after[of] / self.before[of]

    def to_dict(self) -> dict:
        """The printed counts and costs, as plain numbers."""
        groups = {
            counts.name: {
                "total": counts.total,
                "kept": counts.kept,
                "strengthened": counts.strengthened,
                "weakened": counts.weakened,
                "pruned": counts.pruned,
            }
            for counts in self.groups
        }
        return {"groups": groups, "before": dict(self.before), "after": dict(self.after)}

    def __eq__(self, other: object) -> bool:
        """Whether both have the same factors, counts and costs."""
        if not isinstance(other, Structure):
            return NotImplemented
        if self.to_dict() != other.to_dict():
            return False
        pairs = ((factors, other.factors[name]) for name, factors in self.factors.items())
        return all(np.array_equal(first, second) for first, second in pairs)

    def __hash__(self) -> int:
        return hash(repr(self.to_dict()))

    def __str__(self) -> str:
        header = ("group", "kept", "of", "strengthened", "weakened", "pruned")
        rows = [
            (c.name, c.kept, c.total, c.strengthened, c.weakened, c.pruned) for c in self.groups
        ]
        width = max(len(str(row[0])) for row in [header, *rows])
        lines = [
            f"{row[0]:<{width}}" + "".join(f"{value:>13}" for value in row[1:])
            for row in [header, *rows]
        ]
        for of, before in self.before.items():
            if before:
                after = self.after[of]
                numbers = " -> ".join(shown_cost(of, number) for number in (before, after))
                lines.append(f"{of}: {numbers} ({self.removed(of):.2%} removed)")
        if self.unknown_macs:
            lines.append(f"Not among the macs: {self._unknown()}.")
        lines += [self._hidden] if self._hidden else []
        if self._rounded:
            lines.append(
                f"Of the weakened channels, {self._rounded} are off and stay for widths that are "
                "multiples of round_to: a budget that is passed here, too, counts them."
            )
        if self._has_connections:
            lines.append("Cut connections count as removed; a stock layer multiplies its zeros.")
        lines += [
            f"Warning: nothing is left of '{counts.name}'. compact() raises an error unless a skip "
            "connection bypasses it."
            for counts in self.groups
            if counts.kept == 0
        ]
        if self._projected is not None:
            lines.append(_describe(*self._projected))
        elif self._budget is not None and self._training is not None:
            kept = 1 - self.removed(self._budget.of)
            if self._rounded:  # What is kept beside is no fault of training.
                kept = min(kept, self._budget.keep)
            if advice := advice_after(self._budget, kept, self._training):
                lines.append(f"Warning: {advice}")
        lines += [f"Warning: {self._few_macs}"] if self._few_macs else []
        return "\n".join(lines)

    __repr__ = __str__

    def _unknown(self) -> str:
        return "; ".join(f"'{name}': {reason}" for name, reason in self.unknown_macs.items())


def _describe(budget: Budget, projected: Projected) -> str:
    what = f"Projected to a budget of {budget.keep:.2%} of the {budget.of}"
    if not projected.number:
        return f"{what}, which the factors met: nothing further was switched off."
    return (
        f"{what}: {projected.number} of {projected.of} factors that were on were switched off, the "
        f"largest of them {projected.largest:.3g}."
    )


def _of_channels(group: ChannelGroup, plan: Plan) -> np.ndarray:
    effective = group.consumers[0].gather(plan.scale, np) if group.is_input else None
    scale = plan.scale[group.name] if effective is None else effective
    return np.where(plan.keep[group.name], scale, 0)


def _of_connections(name: str, channel_graph: ChannelGraph, plan: Plan) -> np.ndarray:
    kernel = next(kernel for kernel in channel_graph.kernels if kernel.connections_name == name)
    return kernel.between(plan.connections[name], plan.keep)


def _counts(name: str, effective: np.ndarray, keep: np.ndarray | None) -> GroupCounts:
    """Counts of a group; channels that are off and stay, as widths are rounded, are weakened."""
    strengthened = int((effective >= 1).sum())
    kept = int(((effective > 0) if keep is None else keep).sum())
    return GroupCounts(name, effective.size, kept, strengthened, kept - strengthened)
