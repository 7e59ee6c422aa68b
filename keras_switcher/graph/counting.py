"""Counts parameters and multiply-accumulate operations (MACs)."""

import math

import keras
import numpy as np

from keras_switcher.graph.call import Call
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.inputs import inputs_of_shape
from keras_switcher.graph.kernel import Kernel, Use
from keras_switcher.graph.reader import Reader
from keras_switcher.graph.rules import apply_rule
from keras_switcher.graph.tied_weights import TiedWeights
from keras_switcher.graph.tracing import trace


class LayerCounts(dict):
    """Numbers per layer, with their `total`. It prints itself as a table.

    Args:
        counts: Maps names of layers to numbers.
        unknown: Maps names to the reason why something is not among the numbers, in words.
    """

    def __init__(self, counts: dict[str, int], unknown: dict[str, str] | None = None) -> None:
        super().__init__(counts)
        self.unknown = unknown or {}

    @property
    def total(self) -> int:
        """Sum over the layers."""
        return sum(self.values())

    def __str__(self) -> str:
        rows = [*self.items(), ("total", self.total)]
        width = max(len(name) for name, _ in [*rows, *self.unknown.items()])
        lines = [f"{name:<{width}}  {number:>15,}" for name, number in rows]
        if self.unknown:
            lines.append("not counted:")
        lines += [f"{name:<{width}}  {reason}" for name, reason in self.unknown.items()]
        return "\n".join(lines)

    __repr__ = __str__


def count_parameters(model: keras.Model) -> LayerCounts:
    """The parameters of each layer of a model: kernels, biases, normalisation and all.

    Args:
        model: A built Functional or Sequential model; nested models are counted layer by layer.
            A weight that several layers hold counts once, for the first of them.

    Raises:
        ValueError: If the model is not built, or is a subclassed model.

    Example:

    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="head")])
    >>> print(count_parameters(model))
    head                10
    total               10
    """
    calls: dict[int, Call] = {}
    owner: dict[int, Call] = {}
    for call in trace(model).calls:
        if isinstance(call.op, keras.layers.Layer):
            calls.setdefault(id(call.op), call)
    counts = {}
    for call in calls.values():
        own = [w for w in call.op.weights if owner.setdefault(id(w), call) is call]
        counts[call.name] = sum(math.prod(weight.shape) for weight in own)
    return LayerCounts(counts)


def count_macs(model: keras.Model, input_shape: list | tuple | dict | None = None) -> LayerCounts:
    """The multiply-accumulate operations of each layer, for one sample.

    Kernels only: biases, normalisation and activations are not counted, as usual in the field, nor
    are products of activations with each other, such as those of an attention's queries with its
    keys. Recurrent kernels count once per step, and what is looked up (Embedding) counts nothing.

    Args:
        model: A built Functional or Sequential model.
        input_shape: Sizes for axes of the input that are open (None), as a shape without the
            samples; for several inputs a list of shapes, or a dict by their names.

    Returns:
        What is known. Its attribute `unknown` maps the names of all other layers that have
        matrices to the reason why their operations are not known, such as an open size.

    Raises:
        ValueError: If the model is not built, or is a subclassed model, or `input_shape` does not
            fit its inputs.

    Example:

    >>> model = keras.Sequential([
    ...     keras.Input((None, None, 3)),
    ...     keras.layers.Conv2D(4, 3, padding="same", name="conv"),
    ... ])
    >>> count_macs(model)
    total                0
    not counted:
    conv   the size of its input is open
    >>> count_macs(model, input_shape=(8, 8, 3))["conv"] == 8 * 8 * 3 * 3 * 3 * 4
    True
    """
    graph = trace(model, inputs_of_shape(model, input_shape))
    reader = Reader(graph)
    for call in graph.calls:
        apply_rule(call, reader)
    TiedWeights(graph).count(reader)
    counts: dict[str, int] = {}
    unknown: dict[str, str] = {}
    for weight, uses in reader.kernel_uses:
        kernel = Kernel(weight, {}, [Use(call, list(map(_length, s)), []) for call, s in uses])
        unknown.update(kernel.unknown)
        if len(kernel.unknown) < len(uses):
            counts[kernel.name] = counts.get(kernel.name, 0) + kernel.cost("macs")
    return LayerCounts(counts, unknown)


def unknown_macs(channel_graph: ChannelGraph) -> dict[str, str]:
    """Why the MACs of some layers are not known, by their names."""
    return {name: why for kernel in channel_graph.kernels for name, why in kernel.unknown.items()}


def _length(size: int | str | np.ndarray) -> int | str:
    return len(size) if isinstance(size, np.ndarray) else size
