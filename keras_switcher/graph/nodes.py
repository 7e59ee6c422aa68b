"""Nodes: what Keras notes of calls on symbolic tensors, read as calls, and removed again."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from keras import layers, tree

from keras_switcher.graph.call import Call, is_tensor
from keras_switcher.graph.masks import HUNG
from keras_switcher.graph.sublayers import with_sublayers


def calls_before(
    outputs: Any, inputs: list, hung: Mapping[int, list] = MappingProxyType({})
) -> Iterator[Call]:
    """The calls that make tensors of inputs, producers before consumers.

    Args:
        outputs: A structure of tensors.
        inputs: The tensors at which to stop.
        hung: Masks that hang on the tensors among a call's arguments, see `HUNG`, by the `id` of
            the first tensor that it returned.

    Raises:
        ValueError: If a tensor comes from elsewhere.
    """
    known = {id(x) for x in inputs}
    done: set[int] = set()
    stack = [(x, False) for x in reversed(tree.flatten(outputs)) if is_tensor(x)]
    while stack:
        tensor, is_ready = stack.pop()
        if id(tensor) in known:
            continue
        history = getattr(tensor, "_keras_history", None)
        if history is None or history.operation is None:
            raise ValueError("its call() reads a tensor of another call")
        node = history.operation._inbound_nodes[history.node_index]
        if id(node) in done:
            continue
        masks = hung.get(id(node.outputs[0]))
        if is_ready:
            done.add(id(node))
            yield _call_of(node, masks)
        else:
            stack.append((tensor, True))
            read = [*node.input_tensors, *(x for x in masks or () if x is not None)]
            stack += [(x, False) for x in reversed(read)]


@contextmanager
def without_new_nodes(op: layers.Layer) -> Iterator[None]:
    """Removes the nodes that layers gain in the scope: they would stay in the user's model.

    Args:
        op: A layer; those in it are meant, too.
    """
    # Private: a layer has no other record of how often it was called on symbolic tensors.
    books = [b for part in with_sublayers(op) for b in (part._inbound_nodes, part._outbound_nodes)]
    numbers = [len(each) for each in books]
    try:
        yield
    finally:
        for each, number in zip(books, numbers, strict=True):
            del each[number:]


def _call_of(node: Any, masks: list | None) -> Call:
    op, arguments = node.operation, node.arguments
    # A mask that is None is as if it were not given.
    kwargs = {k: x for k, x in arguments.kwargs.items() if k != "mask" or x is not None}
    kwargs |= {HUNG: masks} if masks else {}
    return Call(op, op.name, arguments.args, kwargs, node.outputs)
