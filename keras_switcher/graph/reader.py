"""The reader: collects what rules say of how each call of a network treats channels."""

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import keras
import numpy as np

from keras_switcher.graph.arguments import Adapt, Arguments
from keras_switcher.graph.call import Call, CallGraph
from keras_switcher.graph.kernel_uses import KernelUses
from keras_switcher.graph.labels import NO_CHANNEL, Labels, Size
from keras_switcher.graph.origins import Origins, as_clause
from keras_switcher.graph.rows_per_sample import passes_samples
from keras_switcher.graph.weight_labels import WeightLabels

COMBINED, SHARED = "is combined by '{}' with", "goes through '{}', which also reads"


class Reader(Labels):
    """Gives every channel a number, and collects what rules say of it.

    A rule is a function `rule(call, reader)` that says what one layer type does to channels with
    the methods below. `ids` are integer arrays with the number of the channel at each position
    of an axis, -1 where the position belongs to no group.

    Args:
        graph: The `CallGraph` to read.
        choices: For calls that split an axis of channels into several, by the sizes of these, the
            number of the axis along which channels lie then, counted from the last; else 0.
        why_mixing: Why functions mix channels, as far as readers of the network know; it grows.

    Attributes:
        weights: The `WeightLabels`: who makes channels, who mixes them, what has entries for them.
        arguments: The `Arguments` that change with the number of channels.
        kernel_uses: The `KernelUses` that are counted.
        coupled: Pairs of ids of which those at equal positions are removed together.
        locked: Ids of channels that cannot be pruned, with the reason.
        normalized: Ids of channels that are normalised.
        forbidden: Ids, and a number of them that must not be left.
        origins: Where channels were lost, see `Origins`.
        splits: The ids that such calls split, by the sizes of the axes.
    """

    def __init__(
        self,
        graph: CallGraph,
        choices: dict[tuple, int] | None = None,
        why_mixing: dict | None = None,
    ) -> None:
        super().__init__()
        self.graph = graph
        self.weights = WeightLabels()
        self.arguments = Arguments()
        self.kernel_uses = KernelUses(graph)
        self.coupled: list[tuple[np.ndarray, np.ndarray]] = []
        self.locked: list[tuple[np.ndarray, str]] = []
        self.normalized: list[np.ndarray] = []
        self.forbidden: list[tuple[np.ndarray, int]] = []
        self.origins = Origins(graph)
        self.splits: dict[tuple[int, ...], np.ndarray] = {}
        self.why_mixing = {} if why_mixing is None else why_mixing
        self._choices = choices or {}
        self._call: Call  # The one whose rule is applied.
        self._calls: dict[int, list[Call]] = defaultdict(list)
        self._mentioned: list[np.ndarray] = []
        self._numbered: list[tuple[int, int]] = []
        self._mixing: dict[int, keras.Variable] = {}  # The kernels that the rule has spoken of.
        self._inside: dict[int, tuple[Call, Call, list]] = {}

    @cached_property
    def readers(self) -> dict[int, list[Call]]:
        """The calls that read each tensor, by the tensor's `id`."""
        found = defaultdict(list)
        for call in self.graph.calls:
            for tensor in call.inputs:
                found[id(tensor)].append(call)
        return found

    def read(self, call: Call, rule: Callable) -> None:
        """Applies a rule; channels of the call's inputs that it says nothing about are locked.

        Kernels that it follows but does not count have unknown MACs.

        Args:
            call: The call.
            rule: The rule. If it says how the call is made again, it may leave channels out.
        """
        self._mentioned, self._mixing = [], {}
        self._call = call
        self._calls[id(call.op)].append(call)
        rule(call, self)
        self.kernel_uses.add_uncounted(call, self._mixing.values())
        read = [ids for tensor in call.inputs for ids in self.labels(tensor).values()]
        self._lock_among_samples(call)
        unsaid = [ids for ids in read if not any(ids is said for said in self._mentioned)]
        if unsaid and not self.arguments.adapts(call):
            said = np.concatenate([*self._mentioned, [NO_CHANNEL]])
            for ids in unsaid:
                self.lock(ids[~np.isin(ids, said)], f"is lost in '{call.name}'")

    def _lock_among_samples(self, call: Call) -> None:
        """Locks channels that lie among the samples where an operation may not pass these on.

        Along an axis of open size lie as many ids as belong to one sample, again and again.
        """
        if not passes_samples(call):
            for tensor in call.inputs:
                for axis, ids in self.labels(tensor).items():
                    if tensor.shape[axis] is None:
                        self.lock(ids, f"lies among the samples in '{call.name}'")

    def read_inside(self, call: Call, inner: Call, rule: Callable, steps: Sequence) -> None:
        """Applies the rule of a layer in a wrapper, within the rule of the wrapper.

        Args:
            call: The call of the wrapper, which has the layer as its attribute `layer`.
            inner: The layer's call on one step of what the wrapper reads.
            rule: The layer's rule.
            steps: The sizes of the axes of steps, which follow that of the samples.
        """
        self._inside[id(inner)] = inner, call, list(steps)
        rule(inner, self)

    def _around(self, call: Call) -> tuple[Call, list, str]:
        """The call of the graph around a call, its steps, and how its arguments begin there."""
        _, outer, steps = self._inside.get(id(call), (call, call, []))
        return outer, steps, "" if outer is call else "layer."

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
        """Declares an edge: the call's kernel mixes the channels along an axis of its input.

        Args:
            call: The call.
            kernel: The kernel.
            kernel_axis: The axis of the kernel along which its inputs lie.
            tensor_axis: The axis of the call's input along which the channels lie.
            ids: The ids along `kernel_axis`, where they are not those along `tensor_axis`.
        """
        ids = self.channels(call.input, tensor_axis) if ids is None else ids
        self._mentioned.append(ids)
        self._mixing[id(kernel)] = kernel
        tensor_axis %= len(call.input.shape)
        call, steps, _ = self._around(call)
        tensor_axis += len(steps)
        self._share(self.weights.consume(call, kernel, kernel_axis, tensor_axis, ids), ids)

    def produce(
        self, call: Call, kernel: keras.Variable, axis: int, part: str | None = None
    ) -> np.ndarray:
        """Declares that the call's kernel makes channels along its `axis`; returns their ids.

        Args:
            call: The call.
            kernel: The kernel.
            axis: The axis.
            part: What lies along it, where the kernel makes channels along several axes: the
                group of these is named `"<call>/<part>"`.
        """
        self._mixing[id(kernel)] = kernel
        return self.weights.produce(self._around(call)[0], kernel, axis, part)

    def number(self, count: int) -> np.ndarray:
        """New ids for positions that no kernel makes.

        They belong to no group, unless they are coupled with channels of one: then they go with it.
        """
        self.weights.count += count
        ids = np.arange(self.weights.count - count, self.weights.count)
        self._numbered += [(int(ids[0]), int(ids[-1]))] if count else []
        return ids

    def follows(self, ids: np.ndarray) -> bool:
        """Whether ids are such that no kernel made, see `number`."""
        known = ids[ids != NO_CHANNEL] if self._numbered else ids[:0]
        if not len(known):
            return False
        low, high = int(known.min()), int(known.max())
        place = bisect_right(self._numbered, (low, math.inf)) - 1  # The only one that may have it.
        return place >= 0 and high <= self._numbered[place][1]

    def carry(
        self, weight: keras.Variable | None, axis: int, ids: np.ndarray, role: str | None = None
    ) -> None:
        """Declares that a weight has one entry per channel along its `axis`.

        Args:
            weight: The weight (a `keras.Variable`); None is passed over.
            axis: The axis along which the channels lie.
            ids: Their ids.
            role: `"scale"` or `"shift"` for a vector that multiplies the channels or is added to
                them, which switchers may look at.
        """
        if weight is not None:
            self._share(self.weights.carry(self._call, weight, axis, ids, role), ids)

    def _share(self, known: np.ndarray, ids: np.ndarray) -> None:
        if known is not ids:
            self.couple(known, ids, SHARED)

    def resize(self, call: Call, **arguments: Any) -> None:
        """Declares which constructor arguments of the layer count channels.

        Args:
            call: The call.
            **arguments: By name the ids that an argument counts, or a list (a shape, say) with ids
                among its numbers.
        """
        call, _, prefix = self._around(call)
        arguments = {prefix + name: value for name, value in arguments.items()}
        for counted in self.arguments.resize(call.op, arguments):  # All its calls shrink alike.
            known = [ids for ids in counted if isinstance(ids, np.ndarray)]
            if len(known) == 2:
                self.couple(known[0], known[1], SHARED)
            elif known:
                self.lock(known[0], f"goes through '{call.name}', which is shared")

    def adapt(self, call: Call, function: Adapt) -> None:
        """Registers a function that changes the call's arguments when channels are removed.

        Args:
            call: The call.
            function: Called as `function(kept, args, kwargs)`, where `kept(ids)` is a boolean
                array; returns the new `args` and `kwargs`.
        """
        self.arguments.adapt(call, function)

    def couple(self, first: np.ndarray, second: np.ndarray, how: str = COMBINED) -> None:
        """Couples the channels at equal positions of two axes: they are removed together.

        Args:
            first: The ids along one axis.
            second: The ids along the other one, as many.
            how: What couples them, in words; `{}` stands for the name of the call.
        """
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
        """Locks the groups of these channels: they cannot be pruned, for the reason given."""
        self._mentioned.append(ids)
        if self._lock(ids, reason):
            self.origins.note(self._call, reason)

    def _lock(self, ids: np.ndarray, reason: str) -> int:
        ids = ids[ids != NO_CHANNEL]
        if len(ids):
            self.locked.append((ids, reason))
        return len(ids)

    def choose_axis(self, call: Call, axes: Sequence[int], ids: np.ndarray) -> int:
        """The axis along which channels lie when a call splits theirs, see `read_graph`.

        Args:
            call: The call.
            axes: The axes into which that of the channels is split.
            ids: The ids that are split.
        """
        sizes = tuple(call.output.shape[axis] for axis in axes)
        known = self.splits.get(sizes, ids[:0])
        self.splits[sizes] = np.concatenate([known, ids[ids != NO_CHANNEL]])
        return axes[-1 - self._choices.get(sizes, 0)]

    def normalize(self, ids: np.ndarray) -> None:
        """Declares channels as normalised: to scale all that makes them alike has no effect."""
        self.normalized.append(ids[ids != NO_CHANNEL])

    def forbid(self, ids: np.ndarray, count: int) -> None:
        """Forbids that exactly `count` of these channels stay: one more does, scaled by zero."""
        self.forbidden.append((ids, count))

    def refuse(self, call: Call, reason: str, clause: str | None = None) -> None:
        """Locks whatever the call reads; its matrices count as weights, with unknown MACs.

        Those that the rule has counted already count as it says.

        Args:
            call: The call.
            reason: What keeps the channels from being pruned, in words.
            clause: What keeps channels from being followed, a relative clause; by default made
                of the reason.
        """
        call = self._call = self._around(call)[0]
        matrices = [w for w in getattr(call.op, "weights", ()) if len(w.shape) > 1]
        self.lock_inputs(call, reason, clause or (as_clause(reason) if matrices else None))
        self.kernel_uses.add_uncounted(call, matrices, f"its input {reason}")

    def lock_inputs(self, call: Call, reason: str, clause: str | None = None) -> None:
        """Locks whatever the call reads, but counts nothing; takes the arguments of `refuse`.

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
        """Passes channels on: the output has those of the input along the same axes.

        Those along other axes are locked.

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
        """Counts a kernel's weights, and as MACs its weights times the product of `shape`.

        Positions that lie among the samples are counted as well.

        Args:
            call: The call.
            kernel: The kernel.
            shape: A list of sizes, None where they are open, or a reason in words where they are
                not known, or of ids where channels lie along an axis of the positions.
        """
        call, steps, _ = self._around(call)
        self.kernel_uses.add(call, kernel, [*steps, *shape])
