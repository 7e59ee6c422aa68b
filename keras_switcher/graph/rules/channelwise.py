"""Rules for channelwise layers: activations, pooling, padding."""

from typing import Any

import keras
import numpy as np
from keras import layers

from keras_switcher.graph.call import Call, is_tensor
from keras_switcher.graph.elementwise import unwrapped, why_mixing, why_mixing_function
from keras_switcher.graph.reader import Reader
from keras_switcher.graph.registry import keras_rule, rule
from keras_switcher.graph.rules.letters import aligned, combine


def channel_axis(call: Call) -> int:
    """The axis of the channels by the layer's data format; the last one without any."""
    first = getattr(call.op, "data_format", None) == "channels_first"
    return 1 if first else len(call.input.shape) - 1


def carry_alpha(prelu: Any, tensor: keras.KerasTensor, reader: Reader) -> None:
    """Declares that the slopes of a PReLU, layer or activation, lie along channels.

    Args:
        prelu: What may be a `keras.layers.PReLU`.
        tensor: What it reads, or what it returns, with labels.
        reader: The reader.
    """
    if type(prelu) is layers.PReLU:
        for axis, ids in reader.labels(tensor).items():
            if prelu.alpha.shape[axis - 1] > 1:
                reader.carry(prelu.alpha, axis - 1, ids)


@rule(layers.Activation)
def activation(call: Call, reader: Reader) -> None:
    """Each channel passes an elementwise activation; all others mix channels."""
    why = why_mixing(call, reader)
    if why is not None:
        reader.refuse(call, why)
        return
    reader.pass_on(call)
    carry_alpha(unwrapped(call.op.activation), call.output, reader)


@rule(layers.Lambda)
def function(call: Call, reader: Reader) -> None:
    """A function that treats each entry by itself is an activation, whatever it is."""
    why = why_mixing_function(call, reader)
    if why is not None:
        reader.refuse(call, why)
        return
    reader.pass_on(call)
    shape = call.op._output_shape  # Private: what was given as `output_shape` is nowhere else.
    if isinstance(shape, tuple):
        shape = [*shape]
        for axis, ids in reader.labels(call.input).items():
            shape[axis - 1] = ids
        reader.resize(call, output_shape=shape)


@rule(layers.ReLU, layers.LeakyReLU, layers.ELU, layers.Identity, layers.ActivityRegularization)
@rule(layers.GaussianNoise, layers.GaussianDropout)
@keras_rule(layers=("StochasticDepth",))
@keras_rule(
    operations=(
        *(
            "ReLU",
            "Mish",
            "Array",
            "Relu",
            "Relu6",
            "Sigmoid",
            "SparseSigmoid",
            "Softplus",
            "Softsign",
            "SoftShrink",
        ),
        *("SparsePlus", "Silu", "Squareplus", "LogSigmoid", "LeakyRelu", "HardSigmoid"),
        *("HardSilu", "Elu", "Selu", "Gelu", "Celu", "TanhShrink", "HardTanh", "HardShrink"),
        *("Threshold", "Absolute", "Abs", "Negative", "Square", "Sqrt", "Rsqrt", "Exp", "Expm1"),
        *("Log", "Log1p", "Log2", "Log10", "Tanh", "Sin", "Cos", "Erf", "Reciprocal", "Round"),
        *("Floor", "Ceil", "Sign", "Cast", "StopGradient", "Copy", "NanToNum", "SaturateCast"),
        *("Fabs", "Cbrt", "Exp2", "Trunc", "Tan", "Arcsin", "Arccos", "Arctan", "Sinh", "Cosh"),
        *("Arcsinh", "Arccosh", "Arctanh", "Sinc", "I0", "Erfc", "Erfinv", "Deg2rad", "Rad2deg"),
        *("Isfinite", "Isinf", "Isnan", "Isneginf", "Isposinf", "Isreal", "Signbit"),
        *("BitwiseInvert", "BitwiseNot", "Real", "Imag", "Conj", "Conjugate", "Angle"),
        *("OnesLike", "ZerosLike", "ConvertToTensor"),
    )
)
def elementwise(call: Call, reader: Reader) -> None:
    """Each entry is treated by itself, and alike."""
    reader.pass_on(call)


@keras_rule(operations=("Clip",))
def clip(call: Call, reader: Reader) -> None:
    """Bounds that are numbers treat all channels alike."""
    if np.ndim(call.op.x_min) or np.ndim(call.op.x_max):
        reader.refuse(call, f"is clipped by '{call.name}', at bounds that are arrays")
    else:
        reader.pass_on(call)


def _combine_with_mask(call: Call, reader: Reader) -> None:
    """The mask, which is broadcast, has channels where what it masks has some."""
    operands = [x if is_tensor(x) else np.asarray(x) for x in (*call.args, *call.kwargs.values())]
    rank = len(call.output.shape)
    letters = [aligned(len(operand.shape), rank) for operand in operands]
    combine(call, reader, operands, letters, aligned(rank, rank))


@rule(layers.Softmax)
@keras_rule(operations=("Softmax", "LogSoftmax"))
def over_axes(call: Call, reader: Reader) -> None:
    """Computes over some axes: each output depends on all channels along them."""
    axes = range(len(call.input.shape)) if call.op.axis is None else np.atleast_1d(call.op.axis)
    mixed = [axis % len(call.input.shape) for axis in axes]
    for axis, ids in reader.labels(call.input).items():
        if axis in mixed:
            kind = type(call.op).__name__
            reader.lock(ids, f"goes through '{call.name}', a {kind} over the channels")
    if len(call.inputs) > 1 or call.kwargs.get("mask") is not None:
        _combine_with_mask(call, reader)
    else:
        reader.pass_on(call)


@rule(layers.Dropout, layers.AlphaDropout)
def dropout(call: Call, reader: Reader) -> None:
    """Drops entries, or whole slices by a `noise_shape` that leaves the channels' axis free."""
    shape = call.op.noise_shape
    for axis, ids in reader.labels(call.input).items():
        if shape and (len(shape) != len(call.input.shape) or shape[axis] not in (None, 1)):
            reason = f"goes through '{call.name}', whose noise_shape is fixed"
            reader.lock(ids, reason)
    reader.pass_on(call)


@rule(layers.SpatialDropout1D, layers.SpatialDropout2D, layers.SpatialDropout3D)
def spatial_dropout(call: Call, reader: Reader) -> None:
    """Drops whole channels."""
    reader.pass_on(call)


@rule(layers.PReLU)
def parametric_relu(call: Call, reader: Reader) -> None:
    """An activation with slopes, which lie along the channels."""
    carry_alpha(call.op, call.input, reader)
    reader.pass_on(call)


@rule(layers.Rescaling)
def rescaling(call: Call, reader: Reader) -> None:
    """Scale and offset that are numbers treat all channels alike."""
    if np.ndim(call.op.scale) or np.ndim(call.op.offset):
        reader.refuse(call, f"goes through '{call.name}', whose scale or offset is an array")
    else:
        reader.pass_on(call)


@keras_rule(layers=("LayerScale",))
def layer_scale(call: Call, reader: Reader) -> None:
    """Multiplies each channel by a learned factor."""
    ids = reader.channels(call.input, -1)
    reader.carry(call.op.gamma, 0, ids, role="scale")
    reader.resize(call, projection_dim=ids)
    reader.pass_on(call)


@rule(layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D)
@rule(layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D)
@rule(layers.AdaptiveMaxPooling1D, layers.AdaptiveMaxPooling2D, layers.AdaptiveMaxPooling3D)
@rule(layers.AdaptiveAveragePooling1D, layers.AdaptiveAveragePooling2D)
@rule(layers.AdaptiveAveragePooling3D)
@rule(layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D)
@rule(layers.Cropping1D, layers.Cropping2D, layers.Cropping3D)
@rule(layers.UpSampling1D, layers.UpSampling2D, layers.UpSampling3D)
@rule(layers.Resizing, layers.CenterCrop)
@keras_rule(operations=("MaxPool", "AveragePool", "AdaptiveMaxPool", "AdaptiveAveragePool"))
@keras_rule(operations=("Resize", "PadImages", "CropImages", "GaussianBlur"))
def spatial(call: Call, reader: Reader) -> None:
    """Computes along the spatial axes, by the same rule for every channel."""
    reader.pass_on(call, axes=[channel_axis(call)])


@rule(layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D, layers.GlobalMaxPooling3D)
@rule(layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D)
@rule(layers.GlobalAveragePooling3D)
def global_pooling(call: Call, reader: Reader) -> None:
    """Computes over the spatial axes, and keeps those of the channels."""
    axis = channel_axis(call)
    ids = reader.channels(call.input, axis)
    reader.pass_on(call, axes=[], passed=[axis])
    reader.label(call.output, axis if call.op.keepdims else -1, ids)
