"""Runs of a network on random inputs that change nothing in it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import prod
from typing import Any

import keras
import numpy as np
from keras import tree

from keras_switcher.compilation import call_compiled
from keras_switcher.graph.call import Call, is_tensor
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.differences import arrays, is_telling
from keras_switcher.graph.edge import scaled
from keras_switcher.graph.elementwise import calls_user_function
from keras_switcher.graph.random_inputs import Draw, draws, limits_of
from keras_switcher.graph.side_effects import restored, variables_of_functions
from keras_switcher.tensors import Tensor

Pairs = Sequence[tuple[keras.Variable, Tensor]]
# A batch has so many samples, as long as no layer makes more than so many numbers of them.
_SAMPLES, _NUMBERS = 16, 2**16
# How many times as large inputs are in further batches of one sample.
_SCALES = (1, 1, 30, 1 / 30)


class RandomRuns:
    """Runs a network, in inference, on random inputs of the smallest sizes with which it runs.

    Args:
        channel_graph: The network's `ChannelGraph`.
        factors: What scales its kernels: vectors by name of channel group, matrices by name of
            connection group.
        assignable: The backend's variables that its functions can assign to (see
            `variables_of_functions`): each run puts them back.
        inputs: Symbolic tensors of the shapes to run it with, by default the network's own inputs.
    """

    def __init__(
        self, channel_graph: ChannelGraph, factors: dict, assignable: list, inputs: Any = None
    ) -> None:
        self.graph = channel_graph.graph
        self._inputs = self.graph.inputs if inputs is None else inputs
        limits = limits_of(self.graph)
        pairs = zip(tree.flatten(self.graph.inputs), tree.flatten(self._inputs), strict=True)
        self._limits = {id(new): limits[id(own)] for own, new in pairs if id(own) in limits}
        self._scales = {}
        for edge in channel_graph.edges:  # A layer that is called twice has one edge for each call.
            if (scale := edge.scales(factors, np)) is not None:
                self._scales[id(edge.kernel), edge.kernel_axis] = edge, scale
        self._assignable = assignable

    def first(self) -> tuple[Draw | None, Any, list[np.ndarray] | None]:
        """The first inputs on which the network runs: how they are drawn, they, and its outputs.

        Those on which an output is not finite, zero throughout, or the same for all samples, are
        taken only if there are no others.
        """
        found: tuple[Draw | None, Any, list[np.ndarray] | None] = (None, None, None)
        for draw in draws(self._inputs, self._samples()):
            inputs = self.drawn(draw)
            try:
                self._check_sizes(draw)
                outputs = self.run(inputs)
            # Sizes that are too small fail in the words of each layer and backend.
            except Exception:
                continue
            if all(values.size for values in outputs):
                if all(map(is_telling, outputs)):
                    return draw, inputs, outputs
                found = found if found[0] is not None else (draw, inputs, outputs)
        return found

    def drawn(self, draw: Draw) -> Any:
        """Random inputs, whole numbers within what the network knows."""
        return draw.values(self._inputs, self._limits)

    def _samples(self) -> tuple[int, ...]:
        """The numbers of samples to try."""
        outputs = tree.flatten([call.outputs for call in self.graph.calls])
        sizes = [prod(n or 1 for n in x.shape[1:]) for x in outputs if is_tensor(x)]
        few = min(_SAMPLES, max(1, _NUMBERS // max([1, *sizes])))
        return (few, 1) if few > 1 else (1,)

    def more(self, draw: Draw) -> Iterator:
        """Further inputs and outputs, for a network with functions that no rule knows."""
        if not any(calls_user_function(call.op) for call in self.graph.calls):
            return
        for seed, scale in enumerate(_SCALES, draw.seed + 1):
            other = replace(draw, samples=1, seed=seed, scale=scale)
            inputs = self.drawn(other)
            try:
                outputs = self.run(inputs)
            except Exception:  # What runs on the first inputs may be made for such numbers only.
                continue
            if all(map(is_telling, outputs)):
                yield inputs, outputs

    def _check_sizes(self, draw: Draw) -> None:
        """Raises an error if sizes that were open are too small: not every backend would notice."""
        if all(None not in x.shape[1:] for x in tree.flatten(self._inputs)):
            return

        def visit(call: Call, args: tuple, kwargs: dict) -> Any:
            outputs = call.op.compute_output_spec(*args, **kwargs)
            if any(0 in x.shape for x in tree.flatten(outputs) if is_tensor(x)):
                raise ValueError(f"Nothing is left for '{call.name}' to compute.")
            return outputs

        self.graph.replay(draw.shapes(self._inputs), visit)

    def run(self, inputs: Any, moved: Callable | None = None) -> list[np.ndarray]:
        """The network's outputs; if a function moves them, for other inputs and weights."""

        def outputs(inputs: Any, values: Pairs) -> Any:
            with self._scope(values):
                return self._outputs(inputs)

        variables = [v for op in self.graph.operations for v in getattr(op, "variables", ())]
        if moved:
            values = [(variable, moved(variable.value)) for variable in variables]
            return arrays(outputs(tree.map_structure(moved, inputs), values))
        return arrays(call_compiled(outputs, inputs, variables))

    def run_twice(self, inputs: Any) -> Iterable[list[np.ndarray]]:
        """The outputs of two runs in a row, the second with the state that the first one left."""
        with self._scope():
            return [arrays(self._outputs(inputs)) for _ in range(2)]

    def run_small(self, small: keras.Model, inputs: Any) -> list[np.ndarray]:
        """The outputs of a network that was made of this one."""

        def outputs(inputs: Any, values: Pairs) -> Any:
            with keras.StatelessScope(values, collect_losses=True):
                return small(inputs, training=False)

        own = variables_of_functions(small.layers)
        with restored([*self._assignable, *own]):
            return arrays(call_compiled(outputs, inputs, small.variables))

    def results(self, inputs: Any) -> dict[int, Any]:
        """What each call of the network returns, by the `id`s of calls."""
        seen: dict[int, Any] = {}
        with self._scope():
            self._outputs(inputs, seen)
        return seen

    def _outputs(self, inputs: Any, seen: dict | None = None) -> Any:
        def visit(call: Call, args: tuple, kwargs: dict) -> Any:
            if isinstance(call.op, keras.layers.Layer):
                kwargs = {**kwargs, "training": False}  # As Keras does in predict().
            outputs = call.op(*args, **kwargs)
            if seen is not None:
                seen[id(call)] = outputs
            return outputs

        return self.graph.replay(inputs, visit)

    @contextmanager
    def _scope(self, values: Pairs = ()) -> Iterator[None]:
        """A scope in which variables have these values, kernels are scaled, and nothing lasts."""
        held = {id(variable): (variable, value) for variable, value in values}
        for edge, scale in self._scales.values():
            _, kernel = held.get(id(edge.kernel), (None, edge.kernel))
            held[id(edge.kernel)] = edge.kernel, scaled(kernel, scale, edge.kernel_axis)
        scope = keras.StatelessScope(list(held.values()), collect_losses=True)
        with restored(self._assignable), scope:
            yield
