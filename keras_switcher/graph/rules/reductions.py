"""Rules for operations that compute along some axes: sums, orders, cumulative products."""

import numpy as np
from keras import tree

from keras_switcher.graph.call import Call
from keras_switcher.graph.reader import Reader
from keras_switcher.graph.registry import keras_rule


@keras_rule(
    operations=(
        *("Mean", "Sum", "Max", "Min", "Prod", "Std", "Var", "Amax", "Amin", "Any", "All"),
        *("Logsumexp", "Median", "CountNonzero", "Argmax", "Argmin", "Ptp", "Norm", "Average"),
        *("Nanmean", "Nansum", "Nanmax", "Nanmin", "Nanprod", "Nanstd", "Nanvar", "Nanmedian"),
        *("Nanargmax", "Nanargmin", "Quantile", "Percentile", "Nanquantile", "Nanpercentile"),
        *("Moments", "Trapezoid"),
    )
)
def reduction(call: Call, reader: Reader) -> None:
    """Channels along the axes that are left pass; those along reduced ones are locked."""
    rank = len(call.input.shape)
    axis = call.op.axes if hasattr(call.op, "axes") else call.op.axis
    reduced = range(rank) if axis is None else [a % rank for a in np.atleast_1d(axis)]
    left = [axis for axis in range(rank) if axis not in reduced]
    keepdims = getattr(call.op, "keepdims", False)
    outputs = tree.flatten(call.outputs)
    if len(outputs[0].shape) != (rank if keepdims else len(left)) or _is_weighted(call):
        reader.refuse(call, f"is reduced by '{call.name}' with weights, or to several numbers")
        return
    reader.pass_on(call, axes=[], passed=left)
    for output in outputs:
        for place, axis in enumerate(left):
            reader.label(output, axis if keepdims else place, reader.channels(call.input, axis))


def _is_weighted(call: Call) -> bool:
    """Whether more than a number says how entries are summed."""
    given = [*call.args[1:], *call.kwargs.values(), getattr(call.op, "x", None)]
    return any(np.ndim(value) or hasattr(value, "shape") for value in given)


@keras_rule(
    operations=(
        *("Cumsum", "Cumprod", "Nancumsum", "Nancumprod", "Sort", "Argsort", "Argpartition"),
        *("Diff", "Sparsemax", "Normalize"),
    )
)
def along_an_axis(call: Call, reader: Reader) -> None:
    """Channels along that axis are locked, as each output depends on several; others pass."""
    rank, axis = len(call.input.shape), call.op.axis
    if axis is None:
        reader.refuse(call, f"is flattened by '{call.name}', a {type(call.op).__name__}")
        return
    computed = [each % rank for each in np.atleast_1d(axis)]
    for each, ids in reader.labels(call.input).items():
        if each in computed:
            reader.lock(ids, f"lies along the axis of '{call.name}', a {type(call.op).__name__}")
    reader.pass_on(call, passed=computed)


@keras_rule(operations=("Tril", "Triu"))
def triangle(call: Call, reader: Reader) -> None:
    """Which entries of the last two axes are zero depends on their places."""
    rank = len(call.input.shape)
    reader.pass_on(call, axes=range(rank - 2))


@keras_rule(operations=("Glu",))
def gated_linear_unit(call: Call, reader: Reader) -> None:
    """One half of the channels gates the other: those at the same place of each go together."""
    axis = call.op.axis % len(call.input.shape)
    reader.pass_on(call, passed=[axis])
    ids = reader.channels(call.input, axis)
    values, gates = np.split(ids, 2) if len(ids) else (ids, ids)
    reader.couple(values, gates)
    reader.label(call.output, axis, values)
