"""Arguments that depend on which channels are kept: of layers' constructors, and of calls."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import tree

from keras_switcher.graph.call import Call

# Which channels are kept: `kept(ids)` is a boolean array.
Kept = Callable[[np.ndarray], np.ndarray]
# The arguments of a call for fewer channels: `adapt(kept, args, kwargs)`.
Adapt = Callable[[Kept, tuple, dict], tuple[tuple, dict]]


class Arguments:
    """What has to change when layers are built, and calls are made, with fewer channels."""

    def __init__(self) -> None:
        self._sizes: dict[int, dict[str, Any]] = defaultdict(dict)
        self._adapted: dict[int, Adapt] = {}

    def resize(self, op: keras.Operation, arguments: dict[str, Any]) -> list[tuple]:
        """Notes constructor arguments that count channels, see `Reader.resize`.

        Args:
            op: The layer or operation.
            arguments: Ids, or lists with ids among numbers, by name.

        Returns:
            Pairs of what a shared layer counts in an earlier call and in this one, in the same
            place: ids, or a number where no channels lie.
        """
        pairs: list[tuple] = []
        for name, value in arguments.items():
            known = self._sizes[id(op)].setdefault(name, value)
            if known is not value:
                pairs += zip(_listed(known), _listed(value), strict=True)
        return pairs

    def adapt(self, call: Call, function: Adapt) -> None:
        """Notes how a call is made again, see `Reader.adapt`."""
        self._adapted[id(call)] = function

    def adapts(self, call: Call) -> bool:
        """Whether it is known how a call is made again."""
        return id(call) in self._adapted

    def ids_of(self, op: keras.Operation) -> list[np.ndarray]:
        """All ids that the constructor arguments of a layer or operation count."""
        values = (part for value in self._sizes.get(id(op), {}).values() for part in _listed(value))
        return [value for value in values if isinstance(value, np.ndarray)]

    def of_operation(self, op: keras.Operation, kept: Kept) -> dict[str, Any]:
        """The constructor arguments of a layer or operation that count channels, by name."""

        def size(value: Any) -> Any:
            return int(kept(value).sum()) if isinstance(value, np.ndarray) else value

        arguments = self._sizes.get(id(op), {})
        return {name: tree.map_structure(size, value) for name, value in arguments.items()}

    def of_call(self, call: Call, args: tuple, kwargs: dict, kept: Kept) -> tuple[tuple, dict]:
        """The arguments of a call, for what is kept of the channels."""
        adapt = self._adapted.get(id(call))
        return adapt(kept, args, kwargs) if adapt else (args, kwargs)


def _listed(value: Any) -> Sequence:
    return tree.flatten(value)
