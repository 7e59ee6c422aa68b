"""One call of a layer or operation in a network."""

import inspect
from dataclasses import dataclass
from typing import Any

import keras
from keras import tree

from keras_switcher.graph.tensors import is_tensor


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
    """

    op: keras.Operation
    name: str
    args: tuple
    kwargs: dict
    outputs: Any = None

    @property
    def trains(self) -> bool:
        """Whether the layer is told to train, even where the model is not: `training=True`."""
        given = inspect.signature(self.op.call).bind(*self.args, **self.kwargs).arguments
        return bool({**given, **self.kwargs}.get("training"))

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
