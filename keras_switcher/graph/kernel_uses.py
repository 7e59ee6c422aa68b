"""Kernel uses: which kernels a network's calls use, and at how many positions."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import keras

from keras_switcher.graph.call import Call, CallGraph
from keras_switcher.graph.labels import Size
from keras_switcher.graph.rows_per_sample import rows_per_sample

# Why it is not known how often a kernel is used.
OPEN = "the size of its input is open"
REPEATED = "the samples that it reads are repeated, concatenated or reshaped"
UNCOUNTED = "the rule for it does not count this kernel (reader.count_kernel)"


class KernelUses:
    """The kernels whose weights and MACs are counted, with the calls that use each.

    Args:
        graph: The `CallGraph` of the network.

    Attributes:
        rows_per_sample: How many rows of the first axis belong to one sample, by `id` of a tensor,
            where that is not 1; None if unknown.
    """

    def __init__(self, graph: CallGraph) -> None:
        self.rows_per_sample = rows_per_sample(graph)
        self._kernels: dict[int, keras.Variable] = {}
        self._uses: dict[int, list[tuple[Call, list[Size]]]] = defaultdict(list)

    def add(self, call: Call, kernel: keras.Variable, shape: Sequence[Size | None]) -> None:
        """Counts one call's use of a kernel; the arguments are those of `Reader.count_kernel`."""
        self._kernels[id(kernel)] = kernel
        rows = self.rows_per_sample.get(id(call.input), 1)
        sizes = [OPEN if size is None else size for size in shape]
        if rows != 1:
            sizes.insert(0, REPEATED if rows is None else rows)
        self._uses[id(kernel)].append((call, sizes))

    def __contains__(self, kernel: keras.Variable) -> bool:
        return id(kernel) in self._kernels

    def __iter__(self) -> Iterator[tuple[keras.Variable, list[tuple[Call, list[Size]]]]]:
        """Each kernel with its uses: pairs of a call and the sizes along the positions."""
        return iter([(kernel, self._uses[key]) for key, kernel in self._kernels.items()])

    def add_uncounted(
        self, call: Call, kernels: Iterable[keras.Variable], reason: str = UNCOUNTED
    ) -> None:
        """Counts a call's use of kernels as unknown, unless it is counted already.

        Args:
            call: The call.
            kernels: The kernels.
            reason: Why it is not known how often they are used, in words.
        """
        for kernel in kernels:
            if all(used is not call for used, _ in self._uses.get(id(kernel), ())):
                self.add(call, kernel, [reason])
