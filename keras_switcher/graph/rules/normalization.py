"""Rules for normalisations: over the channels themselves, of each, or of groups of them."""

import numpy as np
from keras import layers

from keras_switcher.graph.call import Call, is_tensor
from keras_switcher.graph.reader import Reader
from keras_switcher.graph.registry import keras_rule, rule
from keras_switcher.graph.rules.letters import combine


@rule(layers.LayerNormalization, layers.RMSNormalization, layers.UnitNormalization)
def normalization_over_axes(call: Call, reader: Reader) -> None:
    """Normalises over the channels themselves, if they lie along its axes."""
    axes = [axis % len(call.input.shape) for axis in np.atleast_1d(call.op.axis)]
    for axis, ids in reader.labels(call.input).items():
        reader.normalize(ids)
        if axis in axes:
            reader.lock(ids, _every_channel(call))
    reader.pass_on(call)


def _every_channel(call: Call) -> str:
    kind = type(call.op).__name__
    return f"goes through '{call.name}', a {kind} over the channels: its statistics see every one"


@keras_rule(operations=("LayerNorm", "RMSNorm"))
def normalization_operation(call: Call, reader: Reader) -> None:
    """As the layers; scale and offset lie along the last axis, whatever axis is normalised."""
    last = len(call.input.shape) - 1
    axes = [axis % (last + 1) for axis in np.atleast_1d(call.op.axis)]
    if axes != [last] and any(x is not None for x in (*call.args, *call.kwargs.values())[1:]):
        reader.refuse(call, f"is scaled by '{call.name}' along other axes than it normalises")
        return
    normalization_over_axes(call, reader)


@rule(layers.BatchNormalization)
def batch_normalization(call: Call, reader: Reader) -> None:
    """Normalises each channel; all weights have one entry per channel."""
    layer = call.op
    ids = reader.channels(call.input, layer.axis)
    reader.normalize(ids)
    reader.carry(layer.gamma, 0, ids, role="scale")
    reader.carry(layer.beta, 0, ids, role="shift")
    for weight in layer.weights:  # The statistics: two, or five with renorm=True.
        reader.carry(weight, 0, ids)
    reader.pass_on(call, axes=[layer.axis])


@rule(layers.GroupNormalization)
def group_normalization(call: Call, reader: Reader) -> None:
    """Normalises groups of channels by their own statistics: a whole group goes together."""
    layer = call.op
    ids = reader.channels(call.input, layer.axis)
    reader.normalize(ids)
    if layer.groups == 1 < len(ids):
        reader.refuse(call, _every_channel(call))
        return
    of_each = ids.reshape(len(ids) if layer.groups == -1 else layer.groups, -1)
    for others in of_each.T[1:]:
        reader.couple(of_each[:, 0], others)
    reader.carry(layer.gamma, 0, ids, role="scale")
    reader.carry(layer.beta, 0, ids, role="shift")
    reader.resize(call, groups=of_each[:, 0])
    reader.pass_on(call, axes=[layer.axis])


@rule(layers.Normalization)
def normalization(call: Call, reader: Reader) -> None:
    """Standardises each channel by statistics that it has adapted to."""
    layer, rank = call.op, len(call.input.shape)
    along = [axis % rank for axis in layer.axis]
    axes = [axis for axis in reader.labelled_axes(call.input) if axis in along]
    if axes and (len(along) > 1 or layer.input_mean is not None):
        reader.refuse(call, f"goes through '{call.name}', whose statistics are constants")
        return
    for axis in axes:
        for weight in (layer.adapt_mean, layer.adapt_variance):
            reader.carry(weight, 0, reader.channels(call.input, axis))
    reader.pass_on(call)


@keras_rule(operations=("BatchNorm",))
def normalization_by_vectors(call: Call, reader: Reader) -> None:
    """Mean, variance, offset and scale have one entry per channel."""
    given = (*call.args, *call.kwargs.values())
    operands = [x if is_tensor(x) else np.asarray(x) for x in given]
    rank = len(call.output.shape)
    reader.normalize(reader.channels(call.input, call.op.axis))
    vectors = [[call.op.axis % rank][: len(operand.shape)] for operand in operands[1:]]
    combine(call, reader, operands, [range(rank), *vectors], range(rank))
