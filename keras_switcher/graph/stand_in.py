"""Something that computes what a layer or operation does, under its own name."""

import keras


class StandIn(keras.Operation):
    """Calls another operation, which gains no node in a graph and keeps its name.

    Args:
        op: The layer or operation.
        name: The name in its place; None for the same.
    """

    def __init__(self, op: keras.Operation, name: str | None = None):
        super().__init__(name=name or op.name)
        self.op = op
        # By these a Functional model hands `training` down.
        self._call_context_args = getattr(op, "_call_context_args", set())

    def call(self, *args, **kwargs):
        return self.op(*args, **kwargs)

    def compute_output_spec(self, *args, **kwargs):
        return self.op.compute_output_spec(*args, **kwargs)
