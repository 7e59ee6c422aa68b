"""Opened: the calls in a call of what was opened in it."""

from collections.abc import Iterator
from typing import Any

from keras import layers

from keras_switcher.graph.call import Call, CallGraph
from keras_switcher.graph.opening.stand_ins import depends_on_training


def opened(call: Call) -> list[Call]:
    """The calls in a call of what is opened in it, one level deep.

    Args:
        call: The call.
    """
    inside = call.inside.calls if isinstance(call.inside, CallGraph) else []
    return [each for each in inside if isinstance(each.inside, CallGraph)]


def opened_within(call: Call, left_out: dict[int, Any]) -> Iterator[Call]:
    """The calls of what is opened in a call, however deep; not those in layers left out.

    Args:
        call: The call.
        left_out: The layers left out, by `id`.
    """
    for each in opened(call):
        yield each
        if id(each.op) not in left_out:
            yield from opened_within(each, left_out)


def is_other_in_training(call: Call) -> bool:
    """Whether what is inside of a call may do something else in training.

    Args:
        call: The call.
    """
    for each in call.inside.calls if isinstance(call.inside, CallGraph) else [call]:
        if isinstance(each.inside, CallGraph):
            if is_other_in_training(each):
                return True
        elif isinstance(each.op, layers.Layer) and depends_on_training(each.op):
            return True
    return False
