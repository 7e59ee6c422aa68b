"""The reader to which rules report how a call treats channels."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from keras_switcher.graph.call import Call, CallGraph
from keras_switcher.graph.kernel_uses import KernelUses
from keras_switcher.graph.labels import (
    NO_CHANNEL,
    Labels,
    Size,
    UnresolvedEdge,
    UnresolvedProducer,
)
from keras_switcher.graph.origins import Origins, where

# Which channels are kept: `kept(ids)` is a boolean array.
Kept = Callable[[np.ndarray], np.ndarray]
UNCOUNTED = "the rule for it does not count this kernel (reader.count_kernel)"
COMBINED, SHARED = "is combined by '{}' with", "goes through '{}', which also reads"


class Reader(Labels):
    """Gives every channel a number, and collects what rules say of it.

    A rule is a function `rule(call, reader)` that says what one layer type does to channels with
    the methods below. `ids` are integer arrays with the number of the channel at each position
    of an axis, -1 where the position belongs to no group.

    Args:
        graph: The `CallGraph` to read.

    Attributes:
        kernel_uses: The `KernelUses` that are counted.
        origins: Where channels were lost, see `Origins`.
        accounted: The variables that its rule has spoken of, by `id` of an operation.
        tied: Reasons by `id` of the operations that share variables, see `TiedWeights`.
    """

    def __init__(self, graph: CallGraph) -> None:
        super().__init__()
        self.graph = graph
        self.producers: list[UnresolvedProducer] = []
        self.edges: list[UnresolvedEdge] = []
        self.roles: dict[int, tuple[str, keras.Variable, np.ndarray]] = {}
        self.weights: dict[tuple[int, int], np.ndarray] = {}
        self.sizes: dict[int, dict[str, Any]] = defaultdict(dict)
        self.adapted: dict[int, Callable] = {}
        self.coupled: list[tuple[np.ndarray, np.ndarray]] = []
        self.locked: list[tuple[np.ndarray, str]] = []
        self.normalized: list[np.ndarray] = []
        self.forbidden: list[tuple[np.ndarray, int]] = []
        self.count = 0
        self.kernel_uses = KernelUses(graph)
        self.origins = Origins(graph)
        self.accounted: dict[int, list[keras.Variable]] = defaultdict(list)
        self.tied: dict[int, str] = {}
        self._call: Call  # The one whose rule is applied.
        self._calls: dict[int, list[Call]] = defaultdict(list)
        self._mentioned: list[np.ndarray] = []
        self._mixing: list[keras.Variable] = []  # The kernels that the rule has spoken of.

    def read(self, call: Call, rule: Callable) -> None:
        """Applies a rule; channels of the call's inputs that it says nothing about are locked.

        Kernels that it follows but does not count have unknown MACs.

        Args:
            call: The call.
            rule: The rule. If it says how the call is made again, it may leave channels out.
        """
        self._mentioned, self._mixing = [], []
        self._call = call
        self._calls[id(call.op)].append(call)
        rule(call, self)
        for kernel in self._mixing:
            if not self.kernel_uses.has(call, kernel):
                self.count_kernel(call, kernel, [UNCOUNTED])
        if id(call) in self.adapted:
            return
        for tensor in call.inputs:
            for ids in self.labels(tensor).values():
                if not any(mentioned is ids for mentioned in self._mentioned):
                    lost = ids[~np.isin(ids, np.concatenate([*self._mentioned, [NO_CHANNEL]]))]
                    self.lock(lost, f"is lost in '{call.name}'")

    def label(self, tensor: keras.KerasTensor, axis: int, ids: np.ndarray) -> None:
        """Writes ids along an axis of an output tensor."""
        self._mentioned.append(ids)
        super().label(tensor, axis, ids)

    def consume(
        self,
        call: Call,
        kernel: keras.Variable,
        kernel_axis: int,
        tensor_axis: int,
        ids: np.ndarray | None = None,
    ) -> None:
        """The call's kernel mixes the channels along an axis of its input: an edge.

        Args:
            call: The call.
            kernel: The kernel.
            kernel_axis: The axis of the kernel along which its inputs lie.
            tensor_axis: The axis of the call's input along which the channels lie.
            ids: The ids along `kernel_axis`, where they are not those along `tensor_axis`.
        """
        ids = self.channels(call.input, tensor_axis) if ids is None else ids
        kernel_axis = kernel_axis % len(kernel.shape)
        tensor_axis = tensor_axis % len(call.input.shape)
        self._mentioned.append(ids)
        self._mixing.append(kernel)
        self.carry(kernel, kernel_axis, ids)
        self.edges.append(UnresolvedEdge(call, kernel, kernel_axis, tensor_axis, ids))

    def produce(self, call: Call, kernel: keras.Variable, axis: int) -> np.ndarray:
        """The call's kernel makes new channels along its `axis`: returns their ids."""
        axis = axis % len(kernel.shape)
        self._mixing.append(kernel)
        ids = self.weights.get((id(kernel), axis))
        self.accounted[id(call.op)].append(kernel)
        if ids is None:
            ids = np.arange(self.count, self.count + kernel.shape[axis])
            self.count += len(ids)
            self.carry(kernel, axis, ids)
            self.producers.append(UnresolvedProducer(call, kernel, axis, ids))
        return ids

    def carry(
        self, weight: keras.Variable | None, axis: int, ids: np.ndarray, role: str | None = None
    ) -> None:
        """A weight has one entry per channel along its `axis`; None is passed over.

        Args:
            weight: The weight (a `keras.Variable`) or None.
            axis: The axis along which the channels lie.
            ids: Their ids.
            role: `"scale"` or `"shift"` for a vector that multiplies the channels or is added to
                them, which switchers may look at.
        """
        if weight is None:
            return
        if role and id(weight) not in self.roles:
            self.roles[id(weight)] = (role, weight, ids)
        self.accounted[id(self._call.op)].append(weight)
        known = self.weights.setdefault((id(weight), axis % len(weight.shape)), ids)
        if known is not ids:
            self.couple(known, ids, SHARED)

    def resize(self, call: Call, **arguments: Any) -> None:
        """Constructor arguments of the layer that count channels, with the ids they count.

        An argument may be a list, such as a shape, with ids among its numbers.
        """
        for name, value in arguments.items():
            known = self.sizes[id(call.op)].setdefault(name, value)
            if known is not value:  # A shared layer: all its calls shrink alike.
                for first, second in zip(_listed(known), _listed(value), strict=True):
                    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
                        self.couple(first, second, SHARED)
                    elif isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
                        ids = first if isinstance(first, np.ndarray) else second
                        self.lock(ids, f"goes through '{call.name}', which is shared")

    def adapt(self, call: Call, function: Callable) -> None:
        """How the call is made again when only some channels are kept.

        Args:
            call: The call.
            function: Called as `function(kept, args, kwargs)`, where `kept(ids)` is a boolean
                array; returns the new `args` and `kwargs`.
        """
        self.adapted[id(call)] = function

    def couple(self, first: np.ndarray, second: np.ndarray, how: str = COMBINED) -> None:
        """The channels at the same places of two axes go together; `how`, in words."""
        self._mentioned += [first, second]
        loose = (first == NO_CHANNEL) | (second == NO_CHANNEL)
        self.coupled.append((first[~loose], second[~loose]))
        if loose.any():
            calls = [self._call, *self._calls[id(self._call.op)]]
            origin = self.origins.of_any([x for call in calls for x in call.inputs], self.is_loose)
            how = how.format(self._call.name)
            reason = f"{how} a tensor whose channels belong to no group{origin}"
            self._lock(np.concatenate([first[loose], second[loose]]), reason)

    def lock(self, ids: np.ndarray, reason: str) -> None:
        """The groups of these channels cannot be pruned, for the reason given."""
        self._mentioned.append(ids)
        if self._lock(ids, reason):
            self.origins.note(self._call, reason)

    def _lock(self, ids: np.ndarray, reason: str) -> int:
        ids = ids[ids != NO_CHANNEL]
        if len(ids):
            self.locked.append((ids, reason))
        return len(ids)

    def normalize(self, ids: np.ndarray) -> None:
        """These channels are normalised: what scales all that makes them alike has no effect."""
        self.normalized.append(ids[ids != NO_CHANNEL])

    def forbid(self, ids: np.ndarray, count: int) -> None:
        """Never exactly `count` of these channels may stay: one more stays, scaled by zero."""
        self.forbidden.append((ids, count))

    def refuse(self, call: Call, reason: str, clause: str | None = None) -> None:
        """Locks whatever the call reads; its matrices count as weights, used who knows how often.

        Those that the rule has counted already count as it says.

        Args:
            call: The call.
            reason: What keeps the channels from being pruned, in words.
            clause: What keeps channels from being followed, a relative clause; by default made
                of the reason.
        """
        self._call = call
        matrices = [w for w in getattr(call.op, "weights", ()) if len(w.shape) > 1]
        self.lock_inputs(call, reason, clause or (where(reason) if matrices else None))
        for weight in matrices:
            if not self.kernel_uses.has(call, weight):
                self.count_kernel(call, weight, [f"its input {reason}"])

    def lock_inputs(self, call: Call, reason: str, clause: str | None = None) -> None:
        """Locks whatever the call reads, and counts nothing; the arguments are those of `refuse`.

        Without a clause, channels may still be followed by other statements of the rule.
        """
        if clause:
            self.origins.opaque[id(call)] = clause
        for tensor in call.inputs:
            for ids in self.labels(tensor).values():
                self.lock(ids, reason)

    def pass_on(
        self, call: Call, axes: Sequence[int] | None = None, passed: Sequence[int] = ()
    ) -> None:
        """The output has the input's channels along the same axes; all others are locked.

        Args:
            call: The call.
            axes: The axes that pass; None for all.
            passed: Axes that another statement of the rule takes care of.
        """
        rank = len(call.input.shape)
        free = None if axes is None else {axis % rank for axis in axes}
        for axis, ids in self.labels(call.input).items():
            if axis in {other % rank for other in passed}:
                continue
            if free is None or axis in free:
                self.label(call.output, axis, ids)
            else:
                reason = f"lies along axis {axis} of the input of '{call.name}', which mixes it"
                self.lock(ids, reason)

    def count_kernel(
        self, call: Call, kernel: keras.Variable, shape: Sequence[Size | None]
    ) -> None:
        """Counts a kernel: each of its weights is used once per position of `shape`.

        Positions that lie among the samples are counted as well.

        Args:
            call: The call.
            kernel: The kernel.
            shape: A list of sizes, None where they are open, or a reason in words where they are
                not known, or of ids where channels lie along an axis of the positions.
        """
        self.kernel_uses.add(call, kernel, shape)


def _listed(value: Any) -> Sequence:
    return value if isinstance(value, (list, tuple)) else [value]
