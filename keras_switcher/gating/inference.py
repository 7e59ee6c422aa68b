"""Scaled kernels for evaluate() and predict(), renewed before each run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras

from keras_switcher.gating.edge_factors import EdgeFactors
from keras_switcher.gating.gated_network import GatedNetwork
from keras_switcher.graph.edge import Edge, scaled
from keras_switcher.layers.variable_override import VariableOverride
from keras_switcher.tensors import Tensor


class InferenceKernels:
    """Holds a network's scaled kernels for evaluate() and predict().

    Within `scope()` the task network itself computes what the gated network would, at no cost.
    There is one only while they run: at any other time the kernels are missing, or old.

    Args:
        gated: The `GatedNetwork`.
    """

    def __init__(self, gated: GatedNetwork) -> None:
        self._gated = gated
        self._kernels: dict[int, tuple[keras.Variable, keras.Variable]] = {}
        self._edges: list[Edge] = []
        self._runs = 0  # A number: callbacks and threads run one evaluation within another.

    @property
    def variables(self) -> list[keras.Variable]:
        """The scaled kernels."""
        return [room for _, room in self._kernels.values()]

    def prepare(self) -> None:
        """Makes room for the scaled kernels; they are not part of the model's weights."""
        axes: dict[tuple[int, int], Edge] = {}  # A layer that is called twice has two edges.
        for edge in self._gated.edges:
            axes.setdefault((id(edge.kernel), edge.kernel_axis), edge)
            if id(edge.kernel) not in self._kernels:
                room = keras.Variable(
                    "zeros", edge.kernel.shape, dtype=edge.kernel.dtype, trainable=False
                )
                self._kernels[id(edge.kernel)] = edge.kernel, room
        self._edges = list(axes.values())
        self._edge_factors = EdgeFactors(self._edges, self._gated.groups)

    def renew(self, factors: dict) -> None:
        """Scales the kernels by these factors."""
        values: dict[int, Tensor] = {}
        for edge, vector in zip(self._edges, self._edge_factors(factors), strict=True):
            kernel = values.get(id(edge.kernel), edge.kernel)
            values[id(edge.kernel)] = scaled(kernel, vector, edge.kernel_axis)
        for kernel, room in self._kernels.values():
            room.assign(values[id(kernel)])

    @contextmanager
    def running(self) -> Iterator[None]:
        """A context in which evaluate() or predict() runs, with kernels that are up to date."""
        self._runs += 1
        try:
            yield
        finally:
            self._runs -= 1

    def scope(self) -> VariableOverride:
        """A scope in which the task network's kernels are the scaled ones.

        Raises:
            ValueError: If neither evaluate() nor predict() runs.
        """
        if not self._runs:
            raise ValueError(
                "test_step() and predict_step() were called outside of evaluate() and predict(), "
                "which compute the factors. In a loop of your own call model(x, training=False), "
                "test_on_batch() or predict_on_batch()."
            )
        return VariableOverride(list(self._kernels.values()))


class Renewing:
    """An evaluation function that calls `renew` before its next run, if it is `stale`.

    Not earlier: callbacks may swap weights just before the first batch.

    Args:
        function: The function behind evaluate() or predict().
        renew: Called with the function's arguments before its next run; returns them.
        kernels: The `InferenceKernels` that it renews and the function uses.
    """

    def __init__(
        self, function: Callable, renew: Callable[..., tuple], kernels: InferenceKernels
    ) -> None:
        self._function = function
        self._renew = renew
        self._kernels = kernels
        self.stale = True

    def __call__(self, *arguments: Any) -> Any:
        if self.stale:
            arguments = self._renew(*arguments)
            self.stale = False
        with self._kernels.running():
            return self._function(*arguments)
