"""Explanations for locked channels: the call behind which they can no longer be followed."""

from collections.abc import Callable

import keras
from keras import tree

from keras_switcher.graph.call import Call, CallGraph

NO_RULE = "for which no rule is known"


class Origins:
    """Finds the call, before a tensor, behind which channels can no longer be followed.

    Args:
        graph: The `CallGraph`.

    Attributes:
        opaque: Maps the `id` of a call that no channel passes to the reason, a relative clause.
    """

    def __init__(self, graph: CallGraph) -> None:
        self.opaque: dict[int, str] = {}
        self._reasons: dict[int, str] = {}
        self._inputs = {id(tensor) for tensor in tree.flatten(graph.inputs)}
        self._makers = graph.makers

    def note(self, call: Call, reason: str) -> None:
        """Notes that channels were locked while this call was read, for this reason."""
        self._reasons[id(call)] = reason

    def of_any(self, tensors: list, is_loose: Callable) -> str:
        """Names the call before these tensors that loses channels, or "" if none does.

        Args:
            tensors: What a call reads, or read before.
            is_loose: See `of`.
        """
        lost = next((tensor for tensor in tensors if is_loose(tensor)), None)
        return "" if lost is None else f": {self.of(lost, is_loose)}"

    def of(self, tensor: keras.KerasTensor, is_loose: Callable) -> str:
        """Names the call before a tensor that loses channels.

        Args:
            tensor: The tensor.
            is_loose: Whether a tensor has channels that belong to no group.
        """
        first = tensor
        while id(tensor) not in self._inputs:
            call = self._makers[id(tensor)]
            before = next((x for x in call.inputs if is_loose(x)), None)
            if before is None or id(call) in self.opaque or id(call) in self._reasons:
                return f"it comes from {self.named(call)}"
            tensor = before
        verb = "is" if tensor is first else "comes from"
        is_named = not tensor.name.startswith("keras_tensor")  # By Keras, of those without a name.
        return f"it {verb} the model's input" + (f" '{tensor.name}'" if is_named else "")

    def named(self, call: Call) -> str:
        """A call with its type, and why no channel passes it."""
        kind = f"'{call.name}' ({type(call.op).__name__})"
        lost = self._reasons.get(id(call))
        clause = self.opaque.get(id(call)) or (lost and as_clause(lost))
        return f"{kind}, {clause}" if clause else f"{kind}, behind which none can be followed"


def as_clause(reason: str) -> str:
    """Turns a reason why channels cannot be pruned into a relative clause."""
    return f"where a channel {reason}"
