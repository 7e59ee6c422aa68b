"""Unique names for the operations of a new network."""

import re

import keras
from keras import tree

from keras_switcher.graph.call import Call, CallGraph

# Of the functions with which surgery makes operations that the model has not.
_MADE = "take|add|subtract|multiply|maximum|minimum|concatenate|expand_dims"


class Names:
    """Gives each operation of a network its own name, if no other one has it already.

    Nested models may have layers of the same name.

    Args:
        graph: The `CallGraph` of the network.
    """

    def __init__(self, graph: CallGraph) -> None:
        owned = {tensor.name for tensor in tree.flatten(graph.inputs)}
        wanted = {id(call.op): _as_layer_name(call) for call in reversed(graph.calls)}
        self._taken = owned | set(wanted.values())
        self._given: dict[int, str] = {}
        for op in graph.operations:
            name = wanted[id(op)]
            self._given[id(op)] = self.new(name) if name in owned else name
            owned.add(name)

    def of(self, op: keras.Operation) -> str:
        """The name for an operation of the graph: that of its call for the first of that name."""
        return self._given[id(op)]

    def new(self, name: str) -> str:
        """A name like this one, for something that the graph has not."""
        count, unique = 0, name
        while unique in self._taken:
            count += 1
            unique = f"{name}_{count}"
        self._taken.add(unique)
        return unique

    def keep_from_new_operations(self) -> None:
        """Counts Keras's own numbers on, so that what functions make gets none of these names."""
        for name in self._taken:
            if match := re.fullmatch(rf"({_MADE})(?:_(\d+))?", name):
                prefix, number = match.groups()
                while keras.backend.get_uid(prefix) <= int(number or 0):
                    pass


def _as_layer_name(call: Call) -> str:
    """The name of a call as one that a layer may have: what is inside of another has a slash."""
    inside = "/" in call.name
    return call.name.split(":")[0].replace("/", "_") if inside else call.op.name
