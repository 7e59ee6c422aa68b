"""Formats of exported files whose packages are installed, and networks that some do not take."""

import importlib.util

import keras
import numpy as np
import pytest
from keras import layers, ops

PACKAGES = {
    "tf_saved_model": ("tensorflow",),
    "litert": ("tensorflow",),
    "onnx": ("onnx", "tf2onnx", "onnxruntime"),
    "openvino": ("openvino",),
}
SUFFIXES = {"tf_saved_model": "", "litert": ".tflite", "onnx": ".onnx", "openvino": ".xml"}
# One for each format, skipped where what writes or runs it is missing.
FORMATS = [
    pytest.param(
        format,
        marks=pytest.mark.skipif(
            any(importlib.util.find_spec(package) is None for package in packages),
            reason=f"needs {', '.join(packages)}",
        ),
    )
    for format, packages in PACKAGES.items()
]


def one_of(format):
    """The parameter of one format."""
    return FORMATS[list(PACKAGES).index(format)]


def chain(*parts, shape=(8, 8, 4), name="image", **kwargs):
    """A Functional network of layers one behind the other."""
    x = inputs = keras.Input(shape, name=name, **kwargs)
    for part in parts:
        x = part(x)
    return keras.Model(inputs, x)


def _attention():
    x = keras.Input((8, 4))
    return keras.Model(x, layers.MultiHeadAttention(2, 4)(x, x))


def _normalization(**kwargs):
    return layers.Normalization(mean=np.arange(4.0), variance=np.full(4, 2.0), **kwargs)


def _adapted():
    layer = layers.Normalization()
    layer.adapt(np.random.default_rng(0).normal(3, 2, (64, 8, 8, 4)).astype("float32"))
    return layer


# Networks that all formats take.
TAKEN = {
    "gelu": lambda: chain(layers.Conv2D(8, 3, activation="gelu")),
    "gelu by tanh": lambda: chain(
        layers.Conv2D(8, 3), layers.Activation(lambda x: ops.gelu(x, approximate=True))
    ),
    "gelu of a Lambda": lambda: chain(
        layers.Dense(3), layers.Lambda(lambda x: ops.gelu(x, approximate=False))
    ),
    "celu": lambda: chain(layers.Conv2D(8, 3, activation="celu")),
    "silu": lambda: chain(layers.Conv2D(8, 3, activation="silu")),
    "grouped": lambda: chain(layers.Conv2D(8, 3, groups=2)),
    "grouped with strides": lambda: chain(
        layers.Conv2D(8, 3, groups=4, strides=2, padding="same", activation="gelu")
    ),
    "grouped in 1D": lambda: chain(layers.Conv1D(8, 3, groups=2), shape=(8, 4)),
    "depthwise": lambda: chain(layers.DepthwiseConv2D(3, depth_multiplier=2)),
    "separable": lambda: chain(layers.SeparableConv2D(8, 3)),
    "transposed": lambda: chain(layers.Conv2DTranspose(8, 3, strides=2)),
    "Normalization": lambda: chain(_normalization(), layers.Conv2D(8, 3)),
    "Normalization, adapted": lambda: chain(_adapted(), layers.Conv2D(8, 3)),
    "Normalization, inverted": lambda: chain(layers.Conv2D(4, 3), _normalization(invert=True)),
    "Rescaling": lambda: chain(layers.Rescaling(1 / 255, offset=-1), layers.Conv2D(8, 3)),
    "BatchNormalization": lambda: chain(layers.Conv2D(8, 3), layers.BatchNormalization()),
    "LayerNormalization": lambda: chain(layers.LayerNormalization(), layers.Dense(3)),
    "GroupNormalization": lambda: chain(layers.GroupNormalization(2)),
    "pooling": lambda: chain(layers.MaxPooling2D(2), layers.GlobalAveragePooling2D()),
    "upsampling": lambda: chain(layers.UpSampling2D(2, interpolation="bilinear")),
    "positions that are gathered": lambda: chain(
        layers.Flatten(), layers.Lambda(lambda x: ops.take(x, [0, 2, 5], axis=-1))
    ),
    "attention": _attention,
    "embedding": lambda: chain(layers.Embedding(10, 4), shape=(8,), dtype="int32"),
    "recurrent, unrolled": lambda: chain(layers.LSTM(3, unroll=True), shape=(6, 4)),
}
# Networks that a format does not take, and what it says of them.
REFUSED = {
    "recurrent, in LiteRT": ("litert", lambda: chain(layers.GRU(3), shape=(6, 4)), "unroll=True"),
    "erf, in LiteRT": ("litert", lambda: chain(layers.Lambda(ops.erf)), "FlexErf"),
    "grouped in 3D, in LiteRT": (
        "litert",
        lambda: chain(layers.Conv3D(8, 3, groups=2), shape=(4, 4, 4, 4)),
        "does not run",
    ),
    "grouped in 3D, in ONNX": (
        "onnx",
        lambda: chain(layers.Conv3D(8, 3, groups=2), shape=(4, 4, 4, 4)),
        "does not run",
    ),
    "Discretization, in ONNX": (
        "onnx",
        lambda: chain(layers.Discretization([0.0, 1.0]), shape=(4,)),
        "does not run",
    ),
    "log_softmax of images, in OpenVINO": (
        "openvino",
        lambda: chain(layers.Conv2D(8, 3), layers.Activation("log_softmax")),
        "does not compute what the network does",
    ),
}
