"""A network as a list of calls that can be walked, and replayed on new inputs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from keras import tree

from keras_switcher.graph.call import Call
from keras_switcher.graph.tensors import inputs_like, is_tensor, paired


@dataclass(eq=False)
class CallGraph:
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

        What no later call reads is let go, so that little memory is in use at a time.

        Args:
            inputs: A structure of tensors like `self.inputs`.
            visit: Called once per call with the arguments filled in; what it returns takes the
                place of the call's outputs.

        Returns:
            The new outputs, in the structure of `self.outputs`.
        """
        values = paired(self.inputs, inputs)

        def fill(structure):
            return tree.map_structure(lambda x: values[id(x)] if is_tensor(x) else x, structure)

        last = {
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
