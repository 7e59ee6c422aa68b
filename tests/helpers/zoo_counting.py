"""Counts multiply-accumulate operations twice: this package, and TensorFlow's profiler."""

from collections import Counter

import keras

from keras_switcher.graph.channel_graph import ChannelGraph

PROFILED = ("Conv2D", "DepthwiseConv2dNative", "MatMul")
GROUPED = "Conv2D with groups"


def counted_macs(channel_graph: ChannelGraph) -> Counter:
    """This package's MACs by TensorFlow operation; those of grouped convolutions by themselves."""
    layers, counts = {call.name: call.op for call in channel_graph.graph.calls}, Counter()
    for kernel in channel_graph.kernels:
        counts[_operation(layers[kernel.name], kernel.weight)] += kernel.cost("macs")
    return counts


def profiled_macs(model: keras.Model) -> Counter:
    """TensorFlow's MACs by operation, for one sample; it counts two operations for each.

    Bias additions and the like are operations of their own and stay out; grouped convolutions
    count nothing.
    """
    import tensorflow as tf
    from tensorflow.compat.v1 import profiler

    inputs = tf.TensorSpec((1, *model.input.shape[1:]))
    function = tf.function(lambda x: model(x, training=False)).get_concrete_function(inputs)
    options = profiler.ProfileOptionBuilder(profiler.ProfileOptionBuilder.float_operation())
    root = profiler.profile(function.graph, cmd="op", options=options.with_empty_output().build())
    counts = Counter()
    while root.children:  # Each operation's node is the child of the one before.
        root = root.children[0]
        if root.name in PROFILED:
            counts[root.name] = root.float_ops // 2
    return counts


def _operation(layer, kernel):
    depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
    if depthwise or kernel is getattr(layer, "depthwise_kernel", None):
        return "DepthwiseConv2dNative"
    if isinstance(layer, keras.layers.Dense):
        return "MatMul"
    return GROUPED if getattr(layer, "groups", 1) > 1 else "Conv2D"
