"""Observing: gradients on factors, and activations, of a network at work on data."""

from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from keras_switcher.gating.gated_network import GatedNetwork
from keras_switcher.graph.call import Call
from keras_switcher.graph.channel_graph import ChannelGraph
from keras_switcher.graph.groups import ChannelGroup
from keras_switcher.graph.inputs import arranged
from keras_switcher.tensors import Tensor
from keras_switcher.training.backends import BackendTrainer

BATCH_SIZE = 32
_ITERABLES = (Iterable, keras.utils.PyDataset)


def batches_of(data: Any, batch_size: int = BATCH_SIZE) -> Iterator[tuple]:
    """Batches as `(x, y, sample_weight)`, of arrays or of whatever yields batches.

    Args:
        data: A tuple of arrays `(x,)`, `(x, y)` or `(x, y, sample_weight)`, or structures of them;
            one array, or a dict of them; or an iterable of batches, such as a `tf.data.Dataset` or
            a `keras.utils.PyDataset`.
        batch_size: How many samples of arrays are in a batch.

    Raises:
        ValueError: If there is no sample, or `data` is neither.
    """
    is_arrays = isinstance(data, (tuple, dict, np.ndarray)) or keras.ops.is_tensor(data)
    if not is_arrays and (isinstance(data, str) or not isinstance(data, _ITERABLES)):
        raise ValueError(
            "`data` must be arrays, such as (x, y), or an iterable of batches. "
            f"Received: data={type(data).__name__}."
        )
    given: Iterable = _sliced(data, batch_size) if is_arrays else _counted(data)
    empty = True
    for batch in given:
        empty = False
        yield keras.utils.unpack_x_y_sample_weight(batch)
    if empty:
        raise ValueError(f"There is no batch in `data`. Received: data={type(data).__name__}.")


def _sliced(data: Any, batch_size: int) -> Iterator[Any]:
    sizes = {len(array) for array in tree.flatten(data) if array is not None}
    if len(sizes) != 1:
        raise ValueError(f"The arrays in `data` must have as many samples. Received: {sizes}.")
    for start in range(0, sizes.pop(), batch_size):
        yield tree.map_structure(
            lambda array, start=start: None if array is None else array[start : start + batch_size],
            data,
        )


def _counted(data: Any) -> Iterable:
    if isinstance(data, keras.utils.PyDataset):
        return (data[number] for number in range(data.num_batches))
    return data


def _fitting(x: Any, inputs: Any) -> Any:
    """The samples of a batch, arranged as a network's inputs.

    Raises:
        ValueError: If they do not fit them.
    """
    given = arranged(x, inputs)
    arrays, tensors = tree.flatten(given), tree.flatten(inputs)
    fits = len(arrays) == len(tensors) and all(
        array is None or len(np.shape(array)) == len(tensor.shape)
        for array, tensor in zip(arrays, tensors, strict=True)
    )
    if not fits:
        shapes = [None if array is None else tuple(np.shape(array)) for array in arrays]
        raise ValueError(
            f"A batch of `data` has samples of shapes {shapes}, and the inputs are of shapes "
            f"{[tuple(tensor.shape) for tensor in tensors]}. Pass arrays (x, y), with a list or a "
            "dict as x for several inputs; a list alone is one of batches."
        )
    return given


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
        given = tree.map_structure(ops.convert_to_tensor, _fitting(x, channel_graph.graph.inputs))
        channel_graph.graph.replay(given, visit)
    return {name: sums[name] / np.maximum(counts[name], 1) for name in sums}
