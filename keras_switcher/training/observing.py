"""Observing: gradients on factors, and activations, of a network at work on data."""

from typing import Any

import keras
import numpy as np
from keras import ops, tree

from keras_switcher.batches import batches_of
from keras_switcher.gating.gated_network import GatedNetwork
from keras_switcher.graph.call import Call
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.groups import ChannelGroup
from keras_switcher.graph.inputs import arranged
from keras_switcher.tensors import Tensor, fits
from keras_switcher.training.backends import BackendTrainer


def _fitting(x: Any, inputs: Any) -> Any:
    """The samples of a batch as tensors, arranged and cast as a network's inputs.

    Raises:
        ValueError: If they do not fit them.
    """
    given = arranged(x, inputs)
    arrays, tensors = tree.flatten(given), tree.flatten(inputs)
    shapes = [None if array is None else tuple(np.shape(array)) for array in arrays]
    are_fitting = len(arrays) == len(tensors) and all(
        shape is None or fits(shape, (None, *tensor.shape[1:]))
        for shape, tensor in zip(shapes, tensors, strict=True)
    )
    if not are_fitting:
        raise ValueError(
            f"A batch of `data` has samples of shapes {shapes}, and the inputs are of shapes "
            f"{[tuple(tensor.shape) for tensor in tensors]}. Pass arrays (x, y), with a list or a "
            "dict as x for several inputs; a list alone is one of batches."
        )
    dtypes = iter(tensor.dtype for tensor in tensors)
    return tree.map_structure(lambda array: _tensor(array, next(dtypes)), given)


def _tensor(array: Any, dtype: str) -> Any:
    """A tensor of what an input reads: whole numbers become real ones, as in Keras."""
    if array is None:
        return None
    tensor = ops.convert_to_tensor(array)
    to_real = keras.backend.is_float_dtype(dtype)
    to_real &= not keras.backend.is_float_dtype(keras.backend.standardize_dtype(tensor.dtype))
    return ops.cast(tensor, dtype) if to_real else tensor


def observe_gradients(
    model: keras.Model, groups: list[ChannelGroup], data: Any
) -> dict[str, np.ndarray]:
    """The gradients of a model's loss on a factor of one per channel, in inference.

    Args:
        model: A model that is compiled with a loss.
        groups: The `ChannelGroup`s.
        data: See `batches_of`.

    Returns:
        Arrays of shape `(batches, channels)` by name of group.

    Raises:
        ValueError: If the model is not compiled with a loss, or a batch has no labels.
    """
    if not getattr(model, "compiled", False) or model.loss is None:
        raise ValueError(
            f"Gradients need a loss: compile '{model.name}' with one, or choose a criterion "
            "that reads weights or activations alone."
        )
    gated = GatedNetwork(model, [group.name for group in groups], ("channels",))
    found: dict[str, list] = {group.name: [] for group in groups}
    for x, y, sample_weight in batches_of(data):
        if y is None:
            raise ValueError("Gradients need labels, and a batch of `data` has none: pass (x, y).")
        x = _fitting(x, gated.channel_graph.graph.inputs)

        def loss(factors: dict[str, Tensor], x: Any = x, y: Any = y, w: Any = sample_weight) -> Any:
            with keras.StatelessScope():  # What the loss tracks belongs to training.
                y_pred = gated.run(x, factors, training=False)
                return model.compute_loss(x, y, y_pred, w, training=False)

        _, gradients = BackendTrainer.gradient(loss, gated.ones())
        for name, gradient in gradients.items():
            size = next(group.size for group in groups if group.name == name)
            value = np.zeros(size) if gradient is None else ops.convert_to_numpy(gradient)
            found[name].append(value)
    return {name: np.asarray(rows, "float64") for name, rows in found.items()}


def observe_activations(
    channel_graph: ChannelGraph, groups: list[ChannelGroup], data: Any
) -> dict[str, np.ndarray]:
    """The mean absolute value of what consumers read of each channel, in inference.

    Args:
        channel_graph: The model's `ChannelGraph`.
        groups: The `ChannelGroup`s.
        data: See `batches_of`; labels are not read.

    Returns:
        Vectors by name of group.
    """
    sums = {group.name: np.zeros(group.size) for group in groups}
    counts = {group.name: np.zeros(group.size) for group in groups}

    def visit(call: Call, args: tuple, kwargs: dict) -> Any:
        for edge in channel_graph.edges_at(call):
            read = next(x for x in tree.flatten((args, kwargs)) if ops.is_tensor(x))
            axis = channel_graph.axes_along(call.input).get(edge.tensor_axis, edge)
            sizes = np.abs(np.asarray(ops.convert_to_numpy(read), "float64"))
            others = tuple(n for n in range(sizes.ndim) if n != edge.tensor_axis)
            number = sizes.size / sizes.shape[edge.tensor_axis]
            along = sizes.sum(others)
            for group in groups:
                if any(group is other for other in axis.groups):
                    entries, channels = axis.entries_of(group)
                    sums[group.name] += np.bincount(channels, along[entries], group.size)
                    counts[group.name] += number * np.bincount(channels, minlength=group.size)
        return call.op(*args, **kwargs)

    for x, _, _ in batches_of(data):
        channel_graph.graph.replay(_fitting(x, channel_graph.graph.inputs), visit)
    return {name: sums[name] / np.maximum(counts[name], 1) for name in sums}
