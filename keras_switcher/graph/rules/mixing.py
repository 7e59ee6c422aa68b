"""Rules for layers whose kernels mix channels: dense layers and convolutions."""

import keras
import numpy as np
from keras import layers

from keras_switcher.graph.call import Call
from keras_switcher.graph.elementwise import unwrapped, why_mixing
from keras_switcher.graph.reader import Reader
from keras_switcher.graph.registry import rule
from keras_switcher.graph.rules.broadcasting import add_vector
from keras_switcher.graph.rules.channelwise import carry_alpha, channel_axis


@rule(layers.Dense)
def dense(call: Call, reader: Reader) -> None:
    """Its kernel mixes the channels of the last axis into units; other axes are positions."""
    if is_altered(call, reader):
        return
    reader.pass_on(call, axes=range(1, len(call.input.shape) - 1), passed=[-1])
    kernel = call.op.kernel
    reader.consume(call, kernel, kernel_axis=-2, tensor_axis=-1)
    reader.count_kernel(
        call, kernel, reader.sizes_along(call.output, range(1, len(call.output.shape) - 1))
    )
    _produce(call, reader, kernel, -1, "units", -1)


@rule(layers.Conv1D, layers.Conv2D, layers.Conv3D)
def convolution(call: Call, reader: Reader) -> None:
    """Its kernel mixes channels into filters; in groups, each of these loses as many."""
    if is_altered(call, reader):
        return
    layer, axis = call.op, channel_axis(call)
    ids = reader.channels(call.input, axis)
    reader.pass_on(call, axes=[], passed=[axis])
    reader.count_kernel(call, layer.kernel, _spatial(call.output, axis))
    if layer.groups == len(ids) > 1:
        _depthwise_kernel(call, reader, layer.kernel, -1, ids, layer.filters // layer.groups)
        return
    if layer.groups > 1:
        # Each group of the convolution must lose as many channels: those at the same place of
        # each go together.
        ids = _coupled(reader, ids.reshape(layer.groups, -1))
    reader.consume(call, layer.kernel, -2, axis, ids)
    made = reader.produce(call, layer.kernel, -1)
    if layer.groups > 1:
        _coupled(reader, made.reshape(layer.groups, -1))
    _produce(call, reader, layer.kernel, -1, "filters", axis)


@rule(layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)
def transposed_convolution(call: Call, reader: Reader) -> None:
    """As a convolution, whose kernel has its inputs last and its filters before them."""
    if is_altered(call, reader):
        return
    axis = channel_axis(call)
    reader.pass_on(call, axes=[], passed=[axis])
    reader.consume(call, call.op.kernel, -1, axis)
    reader.count_kernel(call, call.op.kernel, _spatial(call.input, axis))
    _produce(call, reader, call.op.kernel, -2, "filters", axis)


@rule(layers.DepthwiseConv1D, layers.DepthwiseConv2D)
def depthwise_convolution(call: Call, reader: Reader) -> None:
    """Each channel is convolved by itself, into as many as `depth_multiplier`."""
    axis = channel_axis(call)
    ids = reader.channels(call.input, axis)
    reader.pass_on(call, axes=[], passed=[axis])
    reader.count_kernel(call, call.op.kernel, _spatial(call.output, axis))
    _depthwise_kernel(call, reader, call.op.kernel, -2, ids, call.op.depth_multiplier)


@rule(layers.SeparableConv1D, layers.SeparableConv2D)
def separable_convolution(call: Call, reader: Reader) -> None:
    """A depthwise convolution, then a kernel that mixes what it makes."""
    layer, axis = call.op, channel_axis(call)
    ids = reader.channels(call.input, axis)
    reader.pass_on(call, axes=[], passed=[axis])
    positions = _spatial(call.output, axis)
    reader.count_kernel(call, layer.depthwise_kernel, positions)
    reader.count_kernel(call, layer.pointwise_kernel, positions)
    reader.carry(layer.depthwise_kernel, -2, ids)
    repeated = np.repeat(ids, layer.depth_multiplier)
    reader.consume(call, layer.pointwise_kernel, -2, axis, repeated)
    _produce(call, reader, layer.pointwise_kernel, -1, "filters", axis)


@rule(layers.Embedding)
def embedding(call: Call, reader: Reader) -> None:
    """It makes channels, which are looked up: no multiplications are counted."""
    layer = call.op
    if is_altered(call, reader):
        return
    reader.count_kernel(call, layer.embeddings, [0])  # Looked up, not multiplied.
    ids = reader.produce(call, layer.embeddings, -1)
    reader.resize(call, output_dim=ids)
    reader.label(call.output, -1, ids)


def _produce(
    call: Call,
    reader: Reader,
    kernel: keras.Variable,
    kernel_axis: int,
    size: str,
    tensor_axis: int,
) -> None:
    """What the layer makes: its bias and activation go with it."""
    layer = call.op
    made = reader.produce(call, kernel, kernel_axis)
    reader.carry(layer.bias, 0, made, role="shift")
    reader.resize(call, **{size: made})
    _activate(call, reader, made, tensor_axis)


def _depthwise_kernel(
    call: Call,
    reader: Reader,
    kernel: keras.Variable,
    kernel_axis: int,
    ids: np.ndarray,
    multiplier: int,
) -> None:
    """Every channel is convolved by itself, into one channel or several that go with it."""
    layer = call.op
    made = np.repeat(ids, multiplier)
    reader.carry(kernel, kernel_axis, ids if kernel.shape[kernel_axis] == len(ids) else made)
    reader.carry(layer.bias, 0, made)
    if hasattr(layer, "groups"):
        reader.resize(call, groups=ids, filters=made)
    _activate(call, reader, made, channel_axis(call))


def _activate(call: Call, reader: Reader, ids: np.ndarray, axis: int) -> None:
    why = why_mixing(call, reader)
    if why is not None:
        reader.lock(ids, why)
        return
    reader.label(call.output, axis, ids)
    carry_alpha(unwrapped(call.op.activation), call.output, reader)
    if call.op.bias is not None:
        add_vector(call, reader, axis % len(call.output.shape))


def is_altered(call: Call, reader: Reader) -> bool:
    """Refuses kernels that are stored in another way than their shape says."""
    layer = call.op
    quantized = getattr(layer, "quantization_mode", None)
    if not quantized and not getattr(layer, "lora_enabled", False):
        return False
    what = "is quantized" if quantized else "has LoRA weights"
    reader.refuse(call, f"feeds '{call.name}', whose kernel {what}")
    return True


def _coupled(reader: Reader, ids: np.ndarray) -> np.ndarray:
    """Couples the rows of a matrix of ids with one another; returns the first."""
    for row in ids[1:]:
        reader.couple(ids[0], row)
    return ids[0]


def _spatial(tensor: keras.KerasTensor, axis: int) -> list[int | None]:
    return [size for i, size in enumerate(tensor.shape) if i not in (0, axis)]
