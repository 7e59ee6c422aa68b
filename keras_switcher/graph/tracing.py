"""Reads a Keras model into a list of calls that can be walked, and replayed on new inputs."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
from keras import tree


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
    """

    op: keras.Operation
    name: str
    args: tuple
    kwargs: dict
    outputs: Any = None

    @property
    def inputs(self) -> list[keras.KerasTensor]:
        """All tensors among the arguments, in order."""
        return [x for x in tree.flatten((self.args, self.kwargs)) if is_tensor(x)]

    @property
    def input(self) -> keras.KerasTensor:
        """The first tensor among the arguments."""
        return self.inputs[0]

    @property
    def output(self) -> keras.KerasTensor:
        """The first tensor that the call returned."""
        return tree.flatten(self.outputs)[0]


@dataclass(eq=False)
class Graph:
    """The calls of a model, in an order in which they can be executed.

    Args:
        name: Name of the model.
        inputs: The model's inputs, a structure of tensors.
        outputs: The model's outputs, a structure of tensors.
        calls: The calls, producers before consumers.
    """

    name: str
    inputs: Any = None
    outputs: Any = None
    calls: list[Call] = field(default_factory=list)

    def replay(self, inputs: Any, visit: Callable) -> Any:
        """Runs the calls on other tensors, each through `visit(call, args, kwargs)`.

        Args:
            inputs: A structure of tensors like `self.inputs`.
            visit: Called once per call with the arguments filled in; what it returns takes the
                place of the call's outputs.

        Returns:
            The new outputs, in the structure of `self.outputs`.
        """
        values = _paired(self.inputs, inputs)

        def fill(structure):
            return tree.map_structure(lambda x: values[id(x)] if is_tensor(x) else x, structure)

        for call in self.calls:
            outputs = visit(call, fill(call.args), fill(call.kwargs))
            values.update(_paired(call.outputs, outputs))
        return fill(self.outputs)

    def new_inputs(self) -> Any:
        """Fresh `keras.Input` tensors like the model's own, in the same structure."""
        return _inputs_like(self.inputs)


def trace(model: keras.Model) -> Graph:
    """Reads a built Functional or Sequential model; nested models are read in place.

    The model is not touched: not even a node is added to its layers.

    Args:
        model: The model to read.

    Returns:
        The model's `Graph`.

    Raises:
        ValueError: If the model is not built, or is a subclassed model.

    Example:

    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="head")])
    >>> [call.name for call in trace(model).calls]
    ['head']
    """
    plain = _plain_functional(model)
    graph = Graph(name=model.name)
    aliases: dict[int, keras.KerasTensor] = {}
    names: dict[str, int] = {}

    def resolve(structure):
        return tree.map_structure(lambda x: aliases.get(id(x), x) if is_tensor(x) else x, structure)

    def visit(op, *args, **kwargs):
        outputs = probes.setdefault(id(op), _Probe(op))(*args, **kwargs)
        args, kwargs = resolve((args, kwargs))
        if isinstance(op, keras.Model):
            inner = trace(op)
            values = _paired(inner.inputs, args[0] if args else kwargs["inputs"])
            for call in inner.calls:
                _hand_down(kwargs.get("training"), call)
                call.args, call.kwargs = tree.map_structure(
                    lambda x: values.get(id(x), x) if is_tensor(x) else x, (call.args, call.kwargs)
                )
                _append(call)
            inner_outputs = [values.get(id(x), x) for x in tree.flatten(inner.outputs)]
            for symbol, tensor in zip(tree.flatten(outputs), inner_outputs, strict=True):
                aliases[id(symbol)] = tensor
                kept.append(symbol)
        else:
            _append(Call(op, op.name, args, kwargs, outputs))
        return outputs

    def _append(call):
        count = names.get(call.op.name, 0)
        names[call.op.name] = count + 1
        call.name = call.op.name if count == 0 else f"{call.op.name}:{count}"
        graph.calls.append(call)

    probes: dict[int, _Probe] = {}
    kept: list[keras.KerasTensor] = []  # An id is only good while its tensor lives.
    clone = keras.models.clone_model(
        plain, _inputs_like(plain.input), clone_function=lambda op: op, call_function=visit
    )
    graph.inputs = clone.input
    graph.outputs = resolve(clone.output)
    return graph


def is_tensor(x: Any) -> bool:
    """Whether `x` is a symbolic tensor."""
    return isinstance(x, keras.KerasTensor)


class _Probe(keras.Operation):
    """Stands in for an operation while its graph is read, so that the operation gains no node."""

    def __init__(self, op):
        super().__init__(name=op.name)
        self.op = op

    def compute_output_spec(self, *args, **kwargs):
        return self.op.compute_output_spec(*args, **kwargs)


def _hand_down(training, call):
    """A nested model that is called with `training=...` calls all its layers with it."""
    if training is not None and "training" in inspect.signature(call.op.call).parameters:
        call.kwargs = {**call.kwargs, "training": training}


def _plain_functional(model):
    """An uncompiled Functional model over the very graph of `model`."""
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"Expected a Functional or Sequential keras.Model. Received: {model!r} "
            f"(of type {type(model).__name__})."
        )
    sequential = isinstance(model, keras.Sequential)
    if sequential and (not model.built or not model.layers):
        raise ValueError(
            f"Sequential model '{model.name}' is not built, so its shapes are not known. Start it "
            "with a keras.Input(shape), or call model.build((None, ...)) first."
        )
    if getattr(model, "inputs", None) is None or getattr(model, "outputs", None) is None:
        raise ValueError(
            f"Model '{model.name}' (of type {type(model).__name__}) is a subclassed model: its "
            "graph lives in Python code and cannot be read. Write it with the functional API, "
            "keras.Model(inputs, outputs), or as keras.Sequential."
        )
    if sequential:
        plain = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    else:
        plain = keras.Model(model.input, model.output, name=model.name)
    if type(model).call not in (type(plain).call, keras.Sequential.call):
        raise ValueError(
            f"Model '{model.name}' (of type {type(model).__name__}) overrides call(), so its "
            "functional graph may not be what it computes. Pass "
            "keras.Model(model.input, model.output) if the graph is what you mean."
        )
    return plain


def _inputs_like(tensors):
    """Fresh `keras.Input` tensors like those of a model, in the same structure."""

    def new(x):
        return keras.Input(
            batch_shape=x.shape,
            dtype=x.dtype,
            sparse=x.sparse,
            ragged=x.ragged,
            name=x.name,
            optional=x._keras_history.operation.optional,  # The tensor itself does not say it.
        )

    return tree.map_structure(new, tensors)


def _paired(tensors, values):
    """Maps the id of each tensor of a structure to the value at the same place of another."""
    return {
        id(tensor): value
        for tensor, value in zip(tree.flatten(tensors), tree.flatten(values), strict=True)
        if is_tensor(tensor)
    }
