"""Surgery: builds the smaller model that a plan describes."""

from collections.abc import Callable
from typing import Any, NoReturn

import keras
import numpy as np
from keras import ops, tree

from keras_switcher.graph.axis import Axis
from keras_switcher.graph.call import Call, is_tensor
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.downstream import feeds_nothing
from keras_switcher.graph.edge import Edge
from keras_switcher.graph.names import Names
from keras_switcher.graph.scalar_weight import ScalarWeight
from keras_switcher.graph.side_effects import restored, variables_of_functions
from keras_switcher.pruning.bias_folding import bias_shifts
from keras_switcher.pruning.constant_folding import evaluate, merge, zero_arguments, zeros
from keras_switcher.pruning.derived_state import renew_derived_state
from keras_switcher.pruning.plan import Plan
from keras_switcher.pruning.remains import Remains
from keras_switcher.pruning.replicas import Replicator
from keras_switcher.pruning.verification import Verification, check_apart


def compact(channel_graph: ChannelGraph, plan: Plan, factors: dict | None = None) -> keras.Model:
    """A new, smaller, plain Keras model with the outputs of the gated one.

    Every layer of the result is new; factors are folded into the kernels that read the channels.
    A branch of a sum or product that reads nothing any more goes as a whole.

    Args:
        channel_graph: The model's `ChannelGraph`.
        plan: A `Plan` for it.
        factors: The factors that the plan was made for, by name: the result is compared with the
            network under them (see `Verification`). None leaves this out.

    Raises:
        ValueError: If the plan leaves a group empty that cannot go, if a weight is not finite, if
            a layer cannot be made again, or if the result computes something else.
    """
    return Surgery(channel_graph, plan).operate(factors)


class Surgery:
    """Builds the smaller model, layer by layer.

    Args:
        channel_graph: The model's `ChannelGraph`.
        plan: A `Plan` for it.
        fold: Whether factors go into the kernels. Otherwise they multiply what the kernels read,
            as constants, so that kernels keep their values and the sizes of their gradients.

    Attributes:
        counterparts: Pairs of a weight of the model and the weight that was cut out of it.
    """

    def __init__(self, channel_graph: ChannelGraph, plan: Plan, fold: bool = True) -> None:
        self.channel_graph = channel_graph
        self.keep = plan.keep
        self.factors = plan.factors
        self.shifts = bias_shifts(channel_graph, plan)
        self.fold = fold
        self.counterparts: list[tuple[keras.Variable, keras.Variable]] = []
        self.replicas: dict[int, keras.Operation] = {}
        self.made: dict[int, Any] = {}
        self.names = Names(channel_graph.graph)
        scalars = (op for op in channel_graph.graph.operations if isinstance(op, ScalarWeight))
        self._scalars = {id(op.number) for op in scalars}
        self.remains = Remains(channel_graph, plan.keep)
        self.cut_off = [name for name, matrix in plan.connections.items() if not matrix.any()]

    def operate(self, factors: dict | None = None) -> keras.Model:
        """Builds the smaller model and checks it.

        Args:
            factors: See `compact`.
        """
        assignable = variables_of_functions([call.op for call in self.channel_graph.graph.calls])
        with restored(assignable):
            small = self._build()
            check_apart(self.channel_graph.ties, small)
            if factors is not None:
                verification = Verification(self.channel_graph, factors, assignable)
                verification.check(small, self.made, self.remains.kept_along)
        return small

    def _build(self) -> keras.Model:
        graph = self.channel_graph.graph
        self.names.keep_from_new_operations()
        factors = self.factors if self.fold else {}
        self.replicator = Replicator(self.channel_graph, self.keep, factors, self.shifts)
        inputs = graph.new_inputs()
        outputs = graph.replay(inputs, self.visit)
        if not all(map(is_tensor, tree.flatten(outputs))):
            self.raise_empty("the network computes a constant")
        small = keras.Model(inputs, outputs, name=graph.name)
        # Layers whose outputs nothing reads any more are no part of it.
        owned = {id(variable) for variable in small.variables}
        self.counterparts = [pair for pair in self.counterparts if id(pair[1]) in owned]
        return small

    def visit(self, call: Call, args: tuple, kwargs: dict) -> Any:
        """What a call becomes: a tensor of the smaller model, or a constant."""
        folded = id(call) in self.remains.folded
        make = self._folded if folded else self._replicated
        self.made[id(call)] = outputs = make(call, args, kwargs)
        return outputs

    def _replicated(self, call: Call, args: tuple, kwargs: dict) -> Any:
        """What a call makes of fewer channels, by a layer of the smaller model."""
        for edge in self.channel_graph.edges_at(call):
            args, kwargs = self._drop_dead_positions(edge, args, kwargs)
            if not self.fold:
                args, kwargs = self._scaled(edge, args, kwargs)
        args, kwargs = self.channel_graph.arguments_of(call, args, kwargs, self.keep)
        new = self.replicas.get(id(call.op))
        if new is not None:
            return new(*args, **kwargs)
        new, outputs = self.replicator.replicate(call, self.names.of(call.op), args, kwargs)
        self.replicas[id(call.op)] = new
        if isinstance(call.op, keras.layers.Layer):
            self._assign(call.op, new)
            shift = self.shifts.get(id(call.op))
            if shift is not None:
                made = self.channel_graph.axes_of(call.op.kernel).get(1)
                new.bias.assign_add(shift if made is None else shift[self.remains.kept(made)])
        return outputs

    def _folded(self, call: Call, args: tuple, kwargs: dict) -> Any:
        """What a call makes of constants, or of tensors and constants together."""
        if self.remains.makes_nothing(call):
            return tree.map_structure(lambda x: zeros(x, call), call.outputs)
        if self.remains.reads_nothing(call):
            args, kwargs = zero_arguments(call)
        if self.remains.is_constant(call):
            return self._constant(call, args, kwargs)
        outputs = merge(call, args, kwargs, self.remains.kept_along)
        if outputs is None:
            self.raise_empty(f"'{call.name}' would read a constant")
        return outputs

    def _assign(self, layer: keras.layers.Layer, new: keras.layers.Layer) -> None:
        """Gives a new layer what is left of the weights of the old one."""
        # A bias that is new to a layer is the last of its variables.
        made = new.variables[: len(layer.variables)]
        values = [self._cut(layer, weight) for weight in layer.variables]
        if [value.shape for value in values] != [tuple(weight.shape) for weight in made]:
            raise ValueError(
                f"'{layer.name}' (of type {type(layer).__name__}) has weights of other shapes when "
                f"it is built for fewer channels: {[tuple(weight.shape) for weight in made]}, "
                f"where {[value.shape for value in values]} are left of its own. What is wrong is "
                "the rule for its type (see keras_switcher.graph.rules), or its build()."
            )
        for old_weight, new_weight, value in zip(layer.variables, made, values, strict=True):
            new_weight.assign(value)
            new_weight.trainable = old_weight.trainable
            self.counterparts.append((old_weight, new_weight))
        renew_derived_state(new)

    def _constant(self, call: Call, args: tuple, kwargs: dict) -> Any:
        """What a call makes of constants alone."""
        tensors = (*call.inputs, *tree.flatten(call.outputs))
        rows = {self.channel_graph.rows_per_sample.get(id(tensor), 1) for tensor in tensors}
        if len(rows) > 1 or None in rows:
            self.raise_empty(f"'{call.name}' would move positions of a constant among the samples")
        edges, shift = self.channel_graph.edges_at(call), self.shifts.get(id(call.op))
        outputs = evaluate(call, args, kwargs, edges, self.factors, shift)
        if outputs is None:
            how = "with training=True" if call.trains else "and mix its samples"
            self.raise_empty(f"'{call.name}' would read a constant {how}")
        return outputs

    def raise_empty(self, consequence: str) -> NoReturn:
        """Raises an error that names the groups that cannot be empty.

        Args:
            consequence: What follows from their being empty, in words.
        """
        empty = [self.channel_graph.group(name) for name in self.remains.empty]
        causes = [g.name for g in empty if not feeds_nothing(self.channel_graph, g, self.keep)]
        raise ValueError(
            f"Nothing is left of {', '.join(map(repr, self.cut_off or causes))}: all of it is "
            f"switched off, so {consequence}. Nothing was removed; keep at least one channel or "
            "connection (retrain with a larger budget, a smaller switcher learning rate, or "
            "start='near_one')."
        )

    def _drop_dead_positions(self, edge: Edge, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """Gathers what is kept, where more arrives at a kernel than it still reads."""
        if edge.input_group is None:  # It reads all that arrives.
            return args, kwargs
        arriving = edge.gather_channels(self.keep, np)
        kept = self.remains.kept(edge)
        left = kept if arriving is None else kept[arriving]
        if left.all():
            return args, kwargs
        indices = np.flatnonzero(left).tolist()

        def take(x: Any) -> Any:
            return ops.take(x, indices, axis=edge.tensor_axis)

        return self._on_first_tensor(take, args, kwargs)

    @staticmethod
    def _on_first_tensor(function: Callable, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        first = next(x for x in tree.flatten((args, kwargs)) if is_tensor(x))
        return tree.map_structure(lambda x: function(x) if x is first else x, (args, kwargs))

    def _cut(self, layer: keras.layers.Layer, weight: keras.Variable) -> np.ndarray:
        """The value of a weight without what is removed, with the factors folded in."""
        value = np.asarray(ops.convert_to_numpy(weight))
        if np.issubdtype(value.dtype, np.inexact) and not np.isfinite(value).all():
            raise ValueError(
                f"Weight '{weight.name}' of layer '{layer.name}' has {(~np.isfinite(value)).sum()} "
                "NaN or infinite entries: training diverged. Nothing was written; go back to an "
                "earlier checkpoint, or lower the learning rate."
            )
        return self.cut(weight, value, self.fold)

    def cut(self, weight: keras.Variable, value: np.ndarray, fold: bool = False) -> np.ndarray:
        """An array of the shape of a weight, without what is removed.

        Args:
            weight: The weight.
            value: The array.
            fold: Whether to multiply with the factors.
        """
        if id(weight) in self._scalars:
            return value.reshape(1)
        for axis, channels in self.channel_graph.axes_of(weight).items():
            edge = channels if fold and isinstance(channels, Edge) else None
            matrix = None if edge is None else edge.of_connections(self.factors)
            if matrix is not None:  # Its rows are the inputs, which are the kernel's first axis.
                value = value * matrix.astype(value.dtype)
            kept = self.remains.kept(channels)
            if not kept.all():
                value = value.take(np.flatnonzero(kept), axis)
            scale = None if edge is None else edge.gather(self.factors, np)
            if scale is not None:
                shape = [-1 if i == axis else 1 for i in range(value.ndim)]
                value = value * scale[kept].reshape(shape).astype(value.dtype)
        return value

    def _scaled(self, edge: Edge, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """Multiplies what a kernel reads with the factors, where they are not folded into it."""
        axis = edge.tensor_axis
        read: Axis = edge
        if edge.input_group is None:  # The kernel's axis may be longer or shorter.
            read = self.channel_graph.axes_along(edge.call.input).get(axis, edge)
        scale = read.gather(self.factors, np)
        if scale is None:
            return args, kwargs
        scale = scale[self.remains.kept(read)].reshape(
            [-1] + [1] * (len(edge.call.input.shape) - 1 - axis)
        )
        return self._on_first_tensor(lambda x: x if (scale == 1).all() else x * scale, args, kwargs)
