"""Recording: the calls that a layer's call() makes, read from symbolic tensors."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras import layers, tree

from keras_switcher.graph.call import Call, CallGraph, Closed, is_stock, is_tensor
from keras_switcher.graph.opening.own_weights import OwnWeights
from keras_switcher.graph.side_effects import restored, variables_of_functions
from keras_switcher.graph.sublayers import with_sublayers

# Layers of Keras that are made of layers: what is inside can be pruned.
_STOCK = (layers.MultiHeadAttention, layers.GroupQueryAttention)


def is_composite(op: keras.Operation) -> bool:
    """Whether a layer may be made of layers: a user's own, or one of Keras that is known to be."""
    if not isinstance(op, layers.Layer):
        return False
    return isinstance(op, _STOCK) if is_stock(op) else True


def calls_before(outputs: Any, inputs: list) -> Iterator[Call]:
    """The calls that make tensors of inputs, producers before consumers.

    Args:
        outputs: A structure of tensors.
        inputs: The tensors at which to stop.

    Raises:
        ValueError: If a tensor comes from elsewhere.
    """
    known = {id(x) for x in inputs}
    done: set[int] = set()

    def visit(tensors: Any) -> Iterator[Call]:
        stack = [(x, False) for x in reversed(tree.flatten(tensors)) if is_tensor(x)]
        while stack:
            tensor, is_ready = stack.pop()
            if id(tensor) in known:
                continue
            history = getattr(tensor, "_keras_history", None)
            if history is None or history.operation is None:
                raise ValueError("it reads a tensor of another network")
            node = history.operation._inbound_nodes[history.node_index]
            if id(node) in done:
                continue
            if is_ready:
                done.add(id(node))
                yield _call_of(node)
                continue
            stack.append((tensor, True))
            stack += [(x, False) for x in reversed(node.input_tensors)]

    return visit(outputs)


class Recorder:
    """Records the calls that layers make.

    Args:
        own_weights: The `OwnWeights` of the network's layers.
    """

    def __init__(self, own_weights: OwnWeights) -> None:
        self._own_weights = own_weights

    def record(self, op: layers.Layer, args: tuple, kwargs: dict) -> CallGraph | Closed:
        """The calls that a layer makes, one level deep: layers in it are not opened.

        Nothing changes: neither a variable nor a layer of it.

        Args:
            op: The layer, built.
            args: The arguments of its call, with symbolic tensors among them.
            kwargs: Those by name.

        Returns:
            A `CallGraph` whose inputs are the tensors among the arguments and at last one that
            own weights are multiplied with; or `Closed`.
        """
        if (reason := _why_closed(op)) is not None:
            return Closed(reason)
        trains = kwargs.pop("training", None) if "training" in _parameters(op) else None
        given = tree.map_structure(_symbol, (args, kwargs))
        graph = self._calls_or_why(op, *given, trains)
        if isinstance(graph, Closed):
            return graph
        if trains is None and "training" in _parameters(op):
            training = self._calls_or_why(op, *given, True)
            if isinstance(training, Closed):
                return training
            if _form(graph) != _form(training):
                return Closed("its call() takes other steps in training")
        pinned = [c for c in graph.calls if c.kwargs.get("training") is not None]
        if pinned and trains is None:
            return Closed(f"its call() fixes `training` for '{pinned[0].op.name}'")
        return graph

    def _calls_or_why(
        self, op: layers.Layer, args: tuple, kwargs: dict, training: bool | None
    ) -> CallGraph | Closed:
        try:
            return self._calls(op, args, kwargs, training)
        # The code of users' own layers may fail in any way.
        except Exception as error:
            return Closed(f"its call() cannot be followed on symbolic tensors ({_said(error)})")

    def _calls(
        self, op: layers.Layer, args: tuple, kwargs: dict, training: bool | None
    ) -> CallGraph | Closed:
        """The calls made with one value of `training`."""
        given = [x for x in tree.flatten((args, kwargs)) if is_tensor(x)]
        if "training" in _parameters(op):
            kwargs = {**kwargs, "training": training}
        if op._convert_input_args:  # Private: __call__ casts what it is given, call() does not.
            cast = op.dtype_policy.convert_input
            args, kwargs = tree.map_structure(
                lambda x: cast(x, op.autocast, op.input_dtype) if is_tensor(x) else x,
                (args, kwargs),
            )
        number_of_losses = len(op.losses)
        scope = keras.StatelessScope(collect_losses=True)
        with _without_new_nodes(op), restored(variables_of_functions([op])) as changed:
            with self._own_weights.as_tensors(op) as one, scope:
                outputs = op.call(*args, **kwargs)
            calls = list(calls_before(outputs, [*given, one]))
        if scope.state_mapping or changed:
            return Closed("its call() draws random numbers or changes variables")
        if scope.losses or len(op.losses) != number_of_losses:
            return Closed("its call() adds a loss")
        if not all(x is None or is_tensor(x) for x in tree.flatten(outputs)):
            return Closed("its call() returns what is no tensor")
        if training is None and not op.weights and _is_one(outputs, given):
            return Closed("its call() returns what it reads, but in training", returns_input=True)
        return CallGraph(op.name, [*given, one], outputs, calls)


def _why_closed(op: layers.Layer) -> str | None:
    """Why a layer is not opened, whatever its call() does; or None."""
    if type(op).__call__ not in (layers.Layer.__call__, keras.Model.__call__):
        return "it overrides __call__()"
    if op.activity_regularizer is not None:
        return "it has an activity regularizer"
    if any(getattr(part, "quantization_mode", None) for part in with_sublayers(op)):
        return "it is quantized"
    if not op.built:
        return "it is not built"
    return None


def _symbol(x: Any) -> Any:
    """A symbolic tensor without a history, in the place of one."""
    return keras.KerasTensor(x.shape, x.dtype, sparse=x.sparse) if is_tensor(x) else x


def _parameters(op: keras.Operation) -> Any:
    return inspect.signature(op.call).parameters


def _is_one(outputs: Any, given: list) -> bool:
    return len(given) == 1 and outputs is given[0]


@contextmanager
def _without_new_nodes(op: layers.Layer) -> Iterator[None]:
    """Removes the nodes that layers gain in the scope: they would stay in the user's model."""
    # Private: a layer has no other record of how often it was called on symbolic tensors.
    nodes = [
        (books, len(books))
        for part in with_sublayers(op)
        for books in (part._inbound_nodes, part._outbound_nodes)
    ]
    try:
        yield
    finally:
        for books, number in nodes:
            del books[number:]


def _call_of(node: Any) -> Call:
    # What is None is as if it were not given: a Functional model hands `training` down.
    kwargs = {
        name: value
        for name, value in node.arguments.kwargs.items()
        if value is not None or name not in ("training", "mask")
    }
    outputs = node.outputs
    return Call(node.operation, node.operation.name, node.arguments.args, kwargs, outputs)


def _form(graph: CallGraph) -> list:
    """What calls are made, and of what, so that two recordings can be compared."""
    numbers = {id(x): place for place, x in enumerate(graph.inputs)}

    def number(x: Any) -> Any:
        if is_tensor(x):
            return ("tensor", numbers.get(id(x)))
        return repr(x) if isinstance(x, (int, float, str, type(None))) else type(x).__name__

    form = []
    for call in graph.calls:
        kwargs = {name: x for name, x in call.kwargs.items() if name != "training"}
        is_layer = isinstance(call.op, layers.Layer)
        op = id(call.op) if is_layer else (type(call.op).__name__, _settings(call.op))
        form.append((op, tree.flatten(tree.map_structure(number, (call.args, kwargs)))))
        for x in tree.flatten(call.outputs):
            numbers[id(x)] = len(numbers)
    return [*form, tree.flatten(tree.map_structure(number, graph.outputs))]


def _settings(op: keras.Operation) -> str:
    kept = {name: x for name, x in vars(op).items() if name != "name" and not name.startswith("_")}
    return repr(kept)


def _said(error: Exception) -> str:
    first = str(error).strip().split("\n")[0][:200]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
