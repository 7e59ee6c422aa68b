"""What each layer type does to channels: one small rule per type, in a registry."""

from collections.abc import Callable

import keras
import numpy as np
from keras import layers

from keras_switcher.graph.reader import Reader
from keras_switcher.graph.tracing import Call

RULES: dict[type, Callable[[Call, Reader], None]] = {}


def rule(*types: type) -> Callable:
    """Registers a rule for layer or operation types; subclasses are not covered by it.

    Args:
        types: The classes. A rule for a class that has one already takes its place.

    Returns:
        A decorator for a function `rule(call, reader)`; see `Reader` for what it can say.

    Example:

    >>> import keras
    >>> class Scale(keras.layers.Layer):
    ...     def call(self, inputs):
    ...         return 2 * inputs
    >>> @rule(Scale)
    ... def scale(call, reader):
    ...     reader.pass_on(call)
    """

    def register(function):
        RULES.update(dict.fromkeys(types, function))
        return function

    return register


def apply_rule(call: Call, reader: Reader):
    """Applies the rule for the call's type; what has none locks all that it reads."""
    known = RULES.get(type(call.op))
    if known is None:
        kind = type(call.op).__name__
        reader.refuse(call, f"feeds '{call.name}', and no rule is known for a {kind}")
    else:
        known(call, reader)


_activations = keras.activations
ELEMENTWISE = (
    *(_activations.linear, _activations.relu, _activations.relu6, _activations.leaky_relu),
    *(_activations.elu, _activations.selu, _activations.celu, _activations.gelu),
    *(_activations.silu, _activations.mish, _activations.tanh, _activations.sigmoid),
    *(_activations.softplus, _activations.softsign, _activations.exponential),
    *(_activations.hard_sigmoid, _activations.hard_silu, _activations.hard_tanh),
    *(_activations.hard_shrink, _activations.soft_shrink, _activations.tanh_shrink),
    *(_activations.log_sigmoid, _activations.sparse_plus, _activations.sparse_sigmoid),
    _activations.squareplus,
)


@rule(layers.Dense)
def dense(call, reader):
    reader.pass_on(call, axes=range(1, len(call.input.shape) - 1), passed=[-1])
    _mix(call, reader, "units", channel_axis=-1, positions=call.output.shape[1:-1])


@rule(layers.Conv1D, layers.Conv2D, layers.Conv3D)
def convolution(call, reader):
    if call.op.groups != 1:
        reader.refuse(call, f"feeds '{call.name}', a grouped convolution")
        return
    axis = _channel_axis(call)
    spatial = [size for i, size in enumerate(call.output.shape) if i not in (0, axis)]
    reader.pass_on(call, axes=[], passed=[axis])
    _mix(call, reader, "filters", channel_axis=axis, positions=spatial)


def _mix(call, reader, size, channel_axis, positions):
    """A kernel of shape (..., inputs, outputs) mixes the channels and makes new ones."""
    layer = call.op
    if getattr(layer, "quantization_mode", None) or getattr(layer, "lora_enabled", False):
        what = "is quantized" if layer.quantization_mode else "has LoRA weights"
        reader.refuse(call, f"feeds '{call.name}', whose kernel {what}")
        return
    reader.consume(call, layer.kernel, kernel_axis=-2, tensor_axis=channel_axis)
    outputs = reader.produce(call, layer.kernel, axis=-1)
    reader.carry(layer.bias, 0, outputs, role="shift")
    reader.resize(call, **{size: outputs})
    reader.count_kernel(call, layer.kernel, positions)
    if layer.activation in ELEMENTWISE:
        reader.label(call.output, channel_axis, outputs)
    else:
        reader.lock(outputs, _mixed_by_activation(call))


def _mixed_by_activation(call):
    activation = call.op.activation
    name = getattr(activation, "__name__", type(activation).__name__)
    return f"goes through the activation {name} of '{call.name}', which may mix it"


@rule(layers.Activation)
def activation(call, reader):
    if call.op.activation in ELEMENTWISE:
        reader.pass_on(call)
    else:
        reader.refuse(call, _mixed_by_activation(call))


@rule(layers.ReLU, layers.LeakyReLU, layers.ELU, layers.Identity, layers.ActivityRegularization)
@rule(layers.GaussianNoise, layers.GaussianDropout)
def elementwise(call, reader):
    reader.pass_on(call)


@rule(layers.Softmax)
def softmax(call, reader):
    axes = np.atleast_1d(call.op.axis) % len(call.input.shape)
    reader.pass_on(call, axes=[axis for axis in range(len(call.input.shape)) if axis not in axes])


@rule(layers.Dropout, layers.AlphaDropout)
def dropout(call, reader):
    if call.op.noise_shape is not None:
        reader.refuse(call, f"goes through '{call.name}', whose noise_shape is fixed")
    reader.pass_on(call)


@rule(layers.SpatialDropout1D, layers.SpatialDropout2D, layers.SpatialDropout3D)
def spatial_dropout(call, reader):
    reader.pass_on(call)


@rule(layers.PReLU)
def parametric_relu(call, reader):
    for axis in reader.labelled_axes(call.input):
        if call.op.alpha.shape[axis - 1] > 1:
            reader.carry(call.op.alpha, axis - 1, reader.channels(call.input, axis))
    reader.pass_on(call)


@rule(layers.BatchNormalization)
def batch_normalization(call, reader):
    layer = call.op
    ids = reader.channels(call.input, layer.axis)
    reader.carry(layer.gamma, 0, ids, role="scale")
    reader.carry(layer.beta, 0, ids, role="shift")
    for weight in layer.weights:  # The statistics: two, or five with renorm=True.
        reader.carry(weight, 0, ids)
    reader.pass_on(call, axes=[layer.axis])


@rule(layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D)
@rule(layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D)
def pooling(call, reader):
    reader.pass_on(call, axes=[_channel_axis(call)])


@rule(layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D, layers.GlobalMaxPooling3D)
@rule(layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D)
@rule(layers.GlobalAveragePooling3D)
def global_pooling(call, reader):
    axis = _channel_axis(call)
    ids = reader.channels(call.input, axis)
    reader.pass_on(call, axes=[], passed=[axis])
    reader.label(call.output, axis if call.op.keepdims else -1, ids)


@rule(layers.Flatten)
def flatten(call, reader):
    tensor = call.input
    axes = reader.labelled_axes(tensor)
    if len(axes) != 1 or None in tensor.shape[1:]:
        reader.refuse(call, f"is flattened by '{call.name}' along more than one axis at once")
        return
    shape, axis = list(tensor.shape[1:]), axes[0] - 1
    if call.op.data_format == "channels_first":  # Flatten moves the channels to the end first.
        shape, axis = shape[1:] + shape[:1], (axis - 1) % len(shape)
    along = [-1 if i == axis else 1 for i in range(len(shape))]
    ids = reader.channels(tensor, axes[0]).reshape(along)
    reader.label(call.output, -1, np.broadcast_to(ids, shape).reshape(-1))


def _channel_axis(call):
    return 1 if call.op.data_format == "channels_first" else len(call.input.shape) - 1
