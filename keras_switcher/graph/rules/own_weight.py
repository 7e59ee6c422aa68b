"""Rule for layers that return a weight: what composite layers that were opened hold themselves."""

import keras
from keras import layers

from keras_switcher.graph.call import Call
from keras_switcher.graph.reader import Reader
from keras_switcher.graph.registry import rule
from keras_switcher.graph.scalar_weight import ScalarWeight


def returns_weight(op: keras.Operation) -> bool:
    """Whether a layer multiplies a one with its kernel, and so returns the kernel as it is.

    Args:
        op: The layer or operation.
    """
    if isinstance(op, ScalarWeight):
        return True
    if type(op) is not layers.EinsumDense or op.bias is not None:
        return False
    inputs, _, rest = op.equation.replace(" ", "").partition(",")
    kernel, _, outputs = rest.partition("->")
    return inputs == "a" and outputs == f"a{kernel}" and op.activation is keras.activations.linear


def own_weight(call: Call, reader: Reader) -> None:
    """Its positions go with the channels that they are combined with; tables are counted.

    Args:
        call: The call of such a layer.
        reader: The reader.
    """
    kernel, shape = call.op.kernel, [*call.op.kernel.shape]
    long = [axis for axis, size in enumerate(kernel.shape) if size > 1]
    for axis in long:
        shape[axis] = reader.number(kernel.shape[axis])
        reader.carry(kernel, axis, shape[axis])
        reader.label(call.output, axis + 1, shape[axis])
    reader.resize(call, output_shape=shape)
    if len(long) > 1:
        reader.count_kernel(call, kernel, [0])  # It is added or multiplied with, entry by entry.


@rule(ScalarWeight)
def scalar_weight(call: Call, reader: Reader) -> None:
    """It has no axes: nothing goes with any channel."""
