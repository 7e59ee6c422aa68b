"""The number of samples: left open again in calls that were recorded with two numbers of them.

Layers read the number of samples from a tensor's shape and write it into others, where an open one
would be no number. What differs between two recordings is what depends on it.
"""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import layers, ops, tree
from keras.backend import standardize_dtype

from keras_switcher.graph.call import Call, CallGraph, is_tensor
from keras_switcher.graph.nodes import calls_before

# Numbers that are seldom a size of anything else, and that have common divisors.
NUMBERS = (24, 40)
OTHERS = "its call() does something else for another number of samples"
# Operations that write sizes, by the attribute in which they keep them.
WRITERS = {"Reshape": "newshape", "BroadcastTo": "shape", "Tile": "repeats", "Repeat": "repeats"}
WRITERS["Slice"] = "shape"


def symbols(structure: Any, number: int) -> Any:
    """Symbolic tensors without a history, with a number of samples where that is open.

    Args:
        structure: A structure with symbolic tensors in it.
        number: The number.
    """
    made: dict[int, keras.KerasTensor] = {}

    def symbol(x: Any) -> Any:
        if not is_tensor(x):
            return x
        if id(x) not in made:
            shape = [number, *x.shape[1:]] if x.shape and x.shape[0] is None else x.shape
            made[id(x)] = keras.KerasTensor(shape, x.dtype, sparse=x.sparse)
        return made[id(x)]

    return tree.map_structure(symbol, structure)


class OpenSamples:
    """Makes calls anew, with an open number of samples.

    Raises:
        ValueError: If that cannot be left open in one of them.
    """

    def __init__(self) -> None:
        self._new: dict[int, Any] = {}

    def of(self, graph: CallGraph, other: CallGraph) -> CallGraph:
        """The calls of a recording with tensors whose number of samples is open.

        Args:
            graph: A recording with the first of `NUMBERS`.
            other: The same calls, recorded with the second one.
        """
        self._pair(graph.inputs, other.inputs)
        calls: list[Call] = []
        for call, twin in zip(graph.calls, other.calls, strict=True):
            self._pair(call.outputs, twin.outputs)
            if type(call.op).__name__ == "DotProductAttention":
                self._widen(call.output, self._mapped(call.inputs[2]).shape[-1])
            outputs = self._mapped(call.outputs)
            inside = call.inside
            if isinstance(inside, CallGraph) and isinstance(twin.inside, CallGraph):
                inside = self.of(inside, twin.inside)
            same = twin.args, {name: twin.kwargs[name] for name in call.kwargs}
            (args, kwargs), before = self._filled((call.args, call.kwargs), same, graph.inputs)
            calls += before
            if isinstance(inside, CallGraph) and before:
                inside = _with_more_inputs(inside, (call.args, call.kwargs), (args, kwargs))
            made = replace(call, args=args, kwargs=kwargs, outputs=outputs, inside=inside)
            calls += self._written(made, twin.op, graph.inputs)
        outputs, before = self._filled(graph.outputs, other.outputs, graph.inputs)
        inputs, masks = self._mapped((graph.inputs, graph.masks))
        calls += before
        return replace(graph, inputs=inputs, outputs=outputs, calls=calls, masks=masks)

    def _pair(self, tensors: Any, others: Any) -> None:
        for x, y in zip(tree.flatten(tensors), tree.flatten(others), strict=True):
            if is_tensor(x) and id(x) not in self._new:
                shape = [_open(a, b) for a, b in zip(x.shape, y.shape, strict=True)]
                # The old one is kept as well: an id is only good while its tensor lives.
                new = keras.KerasTensor(shape, x.dtype, sparse=x.sparse)
                self._new[id(x)] = new, x

    def _widen(self, tensor: keras.KerasTensor, width: int) -> None:
        """Gives what attention makes the width of its values: Keras says that of its queries."""
        new = self._new[id(tensor)][0]
        shape = (*new.shape[:-1], width)
        self._new[id(tensor)] = keras.KerasTensor(shape, new.dtype), tensor

    def _mapped(self, structure: Any) -> Any:
        return tree.map_structure(lambda x: self._new[id(x)][0] if is_tensor(x) else x, structure)

    def _filled(self, given: Any, same: Any, inputs: list) -> tuple[Any, list[Call]]:
        """A structure of new tensors, and the calls that make those that repeat a constant."""
        before: list[Call] = []

        def filled(x: Any, twin: Any) -> Any:
            if is_tensor(x) or np.shape(x) == np.shape(twin):
                return self._mapped(x)
            row, place = _repeated_row(x, twin)
            ones, samples = self._ones(np.shape(x)[place], inputs)
            before.extend(calls_before(_repeated(row, ones, place), [samples]))
            return before[-1].output

        return tree.map_structure(filled, given, same), before

    def _ones(self, number: int, inputs: list) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """As many ones as entries that were recorded, and the input that they are made of."""
        known = [(x, self._mapped(x)) for x in inputs if x.shape and x.shape[0]]
        often = [(number // x.shape[0], y) for x, y in known if y.shape[0] is None]
        often = [(times, y) for times, y in often if times]
        if not often:
            raise ValueError(OTHERS)
        times, samples = min(often, key=lambda pair: pair[0])
        ones = ops.ones_like(samples[(slice(None), *[0] * (len(samples.shape) - 1))])
        return ops.repeat(ones, times, axis=0) if times > 1 else ones, samples

    def _written(self, call: Call, twin: keras.Operation, inputs: list) -> list[Call]:
        """The calls in the place of one that may have written the number of samples."""
        name = WRITERS.get(type(call.op).__name__)
        if name is None or isinstance(call.op, layers.Layer):
            return [call]
        old, new = (np.atleast_1d(getattr(op, name)).tolist() for op in (call.op, twin))
        if old == new:
            return [call]
        sizes = [_open(a, b) for a, b in zip(old, new, strict=True)]
        if None in old:
            return [_as_layer(call, sizes)]
        if name == "newshape":
            call.op.newshape = tuple(_with_one_open(sizes, call.output.shape))
            return [call]
        ones, samples = self._ones(old[sizes.index(None)], inputs)
        made = _spread(call, sizes, ones)
        if made is None:
            raise ValueError(f"its call() writes the number of samples in '{call.op.name}'")
        *others, last = calls_before(made, [call.input, samples])
        return [*others, replace(last, outputs=call.outputs)]


def _as_layer(call: Call, sizes: list) -> Call:
    """A call of a reshape that writes the number of samples and one more size that is open.

    The layer of Keras takes the samples as they are, so that it can find the other size.
    """
    rest = sizes[1:]
    if type(call.op).__name__ != "Reshape" or sizes[0] is not None or rest.count(None) != 1:
        raise ValueError("its call() writes sizes that its inputs leave open; fix these")
    target = [-1 if size is None else size for size in rest]
    return replace(call, op=layers.Reshape(target, name=call.op.name), kwargs={})


def _with_more_inputs(inside: CallGraph, given: Any, filled: Any) -> CallGraph:
    """What is inside a call with an input in the place of each constant that is a tensor now.

    Nothing reads these: what is inside repeats the constants by itself.
    """
    inputs, known = [], iter(inside.inputs)
    for old, new in zip(tree.flatten(given), tree.flatten(filled), strict=True):
        if is_tensor(old):
            inputs.append(next(known))
        elif is_tensor(new):
            inputs.append(keras.KerasTensor(new.shape, new.dtype))
    return replace(inside, inputs=[*inputs, *known])


def _spread(call: Call, sizes: list, ones: keras.KerasTensor) -> Any:
    """What a call makes that repeats its input as often along an axis as there are samples.

    Args:
        call: A call of one of `WRITERS`, but of a reshape.
        sizes: What it writes, None in the place of the number of samples.
        ones: A tensor with a one for each.

    Returns:
        A symbolic tensor, or None where it is not written in the place of a single entry.
    """
    if type(call.op).__name__ == "Slice":
        return _block(call, sizes)
    if type(call.op).__name__ == "Repeat":
        if call.op.axis is None:
            return None
        place = call.op.axis % len(call.input.shape)
        sizes = [None if axis == place else 1 for axis in range(len(call.input.shape))]
    made, rank = call.input, len(call.output.shape)
    sizes = [1] * (rank - len(sizes)) + sizes
    for _ in range(rank - len(made.shape)):
        made = ops.expand_dims(made, 0)
    if sizes.count(None) != 1 or sizes[0] is not None or made.shape[0] not in (1, None):
        return None
    is_tile = type(call.op).__name__ == "Tile"
    for axis, size in enumerate(sizes):
        # All samples once are a repetition, too.
        if axis and size != 1 and (is_tile or made.shape[axis] == 1):
            tiles = [size if other == axis else 1 for other in range(rank)]
            made = ops.tile(made, tiles) if is_tile else ops.repeat(made, size, axis=axis)
    return _repeated(made, ones)


def _block(call: Call, sizes: list) -> Any:
    """What a slice makes that takes all samples, or None if it may be another one."""
    start = [*call.args, *call.kwargs.values()][1]
    if sizes[0] is not None or not all(isinstance(x, int) for x in start) or start[0] != 0:
        return None
    pairs = zip(start[1:], sizes[1:], strict=True)
    return call.input[(slice(None), *[slice(at, at + size) for at, size in pairs])]


def _repeated(single: Any, ones: keras.KerasTensor, place: int = 0) -> Any:
    """A tensor or constant that is multiplied with each of some ones, along an axis of it."""
    dtype = standardize_dtype(single.dtype)
    along = [-1 if axis == place else 1 for axis in range(len(single.shape))]
    ones = ops.reshape(ops.cast(ones, dtype), along)
    return (ops.logical_and if dtype == "bool" else ops.multiply)(single, ones)


def _repeated_row(array: Any, other: Any) -> tuple[np.ndarray, int]:
    """One row of a constant that has as many of them as samples, all alike, and their axis."""
    one, two = ops.convert_to_numpy(array), ops.convert_to_numpy(other)
    if one.ndim == two.ndim:
        differing = [axis for axis in range(one.ndim) if one.shape[axis] != two.shape[axis]]
        if len(differing) == 1:
            rows = [np.take(x, [0], axis=differing[0]) for x in (one, two)]
            if (one == rows[0]).all() and (two == rows[0]).all():
                return rows[0], differing[0]
    raise ValueError(OTHERS)


def _with_one_open(sizes: list, shape: tuple) -> list:
    """A shape to write with -1 in the place of its open size: what was -1 has a known size."""
    known = [shape[place] if size == -1 else size for place, size in enumerate(sizes)]
    if known.count(None) != 1:
        raise ValueError("its call() writes the number of samples in several sizes of a shape")
    return [-1 if size is None else size for size in known]


def _open(size: int | None, other: int | None) -> int | None:
    """A size, None where it depends on the number of samples."""
    if size == other:
        return size
    if size is None or other is None or size * NUMBERS[1] != other * NUMBERS[0]:
        raise ValueError(OTHERS)
    return None
