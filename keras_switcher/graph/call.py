"""A network as a list of calls of layers and operations on symbolic tensors."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import keras
from keras import tree
from keras.backend import standardize_dtype

from keras_switcher.graph.equations import with_known_sizes
from keras_switcher.graph.inputs import inputs_like


def is_tensor(x: Any) -> bool:
    """Whether `x` is a symbolic tensor."""
    return isinstance(x, keras.KerasTensor)


def batch_axis(x: Any) -> int | None:
    """The axis of a tensor along which samples lie; None if their number is fixed."""
    sizes = x.shape if is_tensor(x) else ()
    return sizes.index(None) if sizes.count(None) == 1 else None


def paired(tensors: Any, values: Any) -> dict[int, Any]:
    """Maps the id of each tensor of a structure to the value at the same place of another."""
    return {
        id(tensor): value
        for tensor, value in zip(tree.flatten(tensors), tree.flatten(values), strict=True)
        if is_tensor(tensor)
    }


def is_stock(op: keras.Operation) -> bool:
    """Whether a layer or operation is one of Keras itself."""
    return type(op).__module__.split(".")[0] == "keras"


@dataclass(eq=False)
class Call:
    """One application of a layer or operation to tensors.

    Args:
        op: The layer or operation.
        name: Name of the call, unique in its graph: the name of `op`, then `"name:1"`, `"name:2"`
            for further calls of a shared layer.
        args: Positional arguments, with the graph's tensors in them.
        kwargs: Keyword arguments, with the graph's tensors in them.
        outputs: What the call returned, a structure of the graph's tensors.
        inside: The calls that the layer makes itself, or why they are not known; None where nobody
            looked.
        masks: Where it is opened, the masks that hang on its outputs, None for those without.
    """

    op: keras.Operation
    name: str
    args: tuple
    kwargs: dict
    outputs: Any = None
    inside: "CallGraph | Closed | None" = None
    masks: list = field(default_factory=list)

    @property
    def trains(self) -> bool:
        """Whether the layer is told to train, even where the model is not: `training=True`."""
        given = inspect.signature(self.op.call).bind(*self.args, **self.kwargs).arguments
        return bool({**given, **self.kwargs}.get("training"))

    @cached_property
    def inputs(self) -> list[keras.KerasTensor]:
        """All tensors among the arguments, in order."""
        return [x for x in tree.flatten((self.args, self.kwargs)) if is_tensor(x)]

    @cached_property
    def input(self) -> keras.KerasTensor:
        """The first tensor among the arguments."""
        return self.inputs[0]

    @cached_property
    def output(self) -> keras.KerasTensor:
        """The first tensor that the call returned."""
        return tree.flatten(self.outputs)[0]


@dataclass(frozen=True)
class Closed:
    """Why a layer that is made of layers stays closed.

    Args:
        reason: The reason, in words that follow the layer's name.
        returns_input: Whether it returns what it reads, in inference, and has no weights.
    """

    reason: str
    returns_input: bool = False


@dataclass(eq=False)
class CallGraph:
    """The calls of a model, in an order in which they can be executed.

    Args:
        name: Name of the model.
        inputs: The model's inputs, a structure of tensors.
        outputs: The model's outputs, a structure of tensors.
        calls: The calls, producers before consumers.
        closed: Why layers that are made of layers were not opened, by the layer's `id`.
        returns_input: Whether it is a layer's that has no weights and returns what it reads.
        masks: Of a layer's: the masks that hang on its outputs, None for those without.
        unmasked: Of a layer's: the places of inputs from which it takes their masks away.
    """

    name: str
    inputs: Any = None
    outputs: Any = None
    calls: list[Call] = field(default_factory=list)
    closed: dict[int, Closed] = field(default_factory=dict)
    returns_input: bool = False
    masks: list = field(default_factory=list)
    unmasked: tuple[int, ...] = ()

    @property
    def operations(self) -> list[keras.Operation]:
        """The layers and operations of all calls, each once, in the order of their first calls."""
        return list({id(call.op): call.op for call in self.calls}.values())

    @property
    def makers(self) -> dict[int, Call]:
        """The call that makes each tensor, by the tensor's `id`; inputs of the model have none."""
        return {id(x): call for call in self.calls for x in tree.flatten(call.outputs)}

    def replay(self, inputs: Any, visit: Callable) -> Any:
        """Runs the calls on other tensors, each through `visit(call, args, kwargs)`.

        What no later call reads is let go, so that little memory is in use at a time.

        Args:
            inputs: A structure of tensors like `self.inputs`.
            visit: Called once per call with the arguments filled in; what it returns takes the
                place of the call's outputs.

        Returns:
            The new outputs, in the structure of `self.outputs`.
        """
        values = paired(self.inputs, inputs)

        def fill(structure: Any) -> Any:
            return tree.map_structure(lambda x: values[id(x)] if is_tensor(x) else x, structure)

        last: dict[int, Call | None] = {
            id(x): call for call in self.calls for x in (*tree.flatten(call.outputs), *call.inputs)
        }
        last.update((id(x), None) for x in tree.flatten(self.outputs))
        for call in self.calls:
            outputs = visit(call, fill(call.args), fill(call.kwargs))
            made = paired(call.outputs, outputs)
            values.update(made)
            for key in (*map(id, call.inputs), *made):
                if last[key] is call:
                    values.pop(key, None)
        return fill(self.outputs)

    def new_inputs(self) -> Any:
        """Fresh `keras.Input` tensors like the model's own, in the same structure."""
        return inputs_like(self.inputs)


class OperationProxy(keras.Operation):
    """Calls another operation, which gains no node in a graph and keeps its name.

    Args:
        op: The layer or operation.
        name: The name in its place; None for the same.

    Attributes:
        known: Tensors like those that its next call returns, or None where they are not known.
    """

    def __init__(self, op: keras.Operation, name: str | None = None) -> None:
        super().__init__(name=name or op.name)
        self.op = op
        self.known: Any = None
        # By these a Functional model hands `training` down.
        self._call_context_args: set[str] = getattr(op, "_call_context_args", set())

    def call(self, *args: Any, **kwargs: Any) -> Any:
        return self.op(*args, **kwargs)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        if self.known is not None:
            return tree.map_structure(
                lambda x: keras.KerasTensor(x.shape, standardize_dtype(x.dtype)), self.known
            )
        if type(self.op) is keras.layers.EinsumDense:
            return with_known_sizes(self.op, *args, **kwargs)
        return self.op.compute_output_spec(*args, **kwargs)
