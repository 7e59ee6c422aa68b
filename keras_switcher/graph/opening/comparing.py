"""Comparing recordings: whether a layer takes the same steps in training as in inference."""

from typing import Any

import keras
from keras import layers, tree

from keras_switcher.graph.call import CallGraph, Closed, is_tensor
from keras_switcher.graph.opening.samples import WRITERS

_OTHER_STEPS = "its call() takes other steps in training"


def agreed(
    inside: CallGraph,
    training: CallGraph | Closed | None,
    held: list,
    fixed: bool | None = None,
) -> CallGraph | Closed | None:
    """What is inside a call, if it stands for the call in training, too.

    The arguments `training` of the calls are removed, where they are what the layer was given: a
    Functional model hands them down. A layer in it that takes other steps in training is closed.

    Args:
        inside: The calls that the layer makes, with what is inside of them.
        training: Those that it makes when it is called with `training=True`.
        held: The layers in it; others are made by each call().
        fixed: What `training` is in both, where the network fixes it.
    """
    if inside.returns_input:
        same = isinstance(training, CallGraph) and training.returns_input
        return inside if same else Closed("it does something in training only", returns_input=True)
    if not isinstance(training, CallGraph):
        return training
    why = _why_training_differs(inside, training, held, fixed)
    return inside if why is None else Closed(why)


def _why_training_differs(
    graph: CallGraph, training: CallGraph, held: list, fixed: bool | None
) -> str | None:
    """Why the calls of a layer do not stand for it in training, or None."""
    if not _is_alike(graph, training, {id(part) for part in held}):
        return _OTHER_STEPS
    for calls, value in ((graph.calls, True), (training.calls, False)) if fixed is None else ():
        # A value of `training` that it was not given by the layer around it.
        if fixes := [call.op for call in calls if call.kwargs.get("training") is value]:
            return f"its call() fixes `training` of a {type(fixes[0]).__name__}"
    for call, other in zip(graph.calls, training.calls, strict=True):
        call.kwargs.pop("training", None)
        if isinstance(call.inside, CallGraph):
            call.inside = agreed(call.inside, other.inside, held, fixed)
    return None


def _is_alike(graph: CallGraph, other: CallGraph, held: set[int]) -> bool:
    """Whether the same calls are made, and of the same tensors."""
    if len(graph.calls) != len(other.calls) or _wiring(graph) != _wiring(other):
        return False
    pairs = zip(graph.calls, other.calls, strict=True)
    return all(a.op is b.op or _is_copy(a.op, b.op, held) for a, b in pairs)


def _is_copy(op: keras.Operation, other: keras.Operation, held: set[int]) -> bool:
    """Whether two operations, which each call() made anew, were told the same."""
    if type(op) is not type(other) or id(op) in held or id(other) in held:
        return False
    return _told(op) == _told(other)


def _told(op: keras.Operation) -> str:
    told = op.get_config() if isinstance(op, layers.Layer) else vars(op)
    # Sizes that are written may be the number of samples.
    left_out = ("name", None if isinstance(op, layers.Layer) else WRITERS.get(type(op).__name__))
    return repr({k: x for k, x in told.items() if k not in left_out and not k.startswith("_")})


def _wiring(graph: CallGraph) -> list:
    """What each call reads: numbers of tensors, and what is no tensor."""
    numbers = {id(x): place for place, x in enumerate(graph.inputs)}

    def number(x: Any) -> Any:
        if is_tensor(x):
            return ("tensor", numbers.get(id(x)))
        if isinstance(x, (int, float, str, type(None))):
            return repr(x)
        # Of constants, the number of samples may be among the sizes.
        return type(x).__name__, len(getattr(x, "shape", None) or ())

    wiring: list[Any] = []
    for call in graph.calls:
        kwargs = {name: x for name, x in call.kwargs.items() if name != "training"}
        wiring.append(tree.flatten(tree.map_structure(number, (call.args, kwargs))))
        for x in tree.flatten(call.outputs):
            numbers[id(x)] = len(numbers)
    # Sizes among the outputs may be the number of samples; what is made of them tells.
    returned = tree.flatten((graph.outputs, graph.masks))
    made = [number(x) if is_tensor(x) else type(x) for x in returned]
    return [*wiring, made, graph.unmasked]
