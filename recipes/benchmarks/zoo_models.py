"""The models of keras.applications, and which of their layers make channels."""

import keras
from keras import layers

from keras_switcher.graph.channel_graph import ChannelGraph

FAMILIES = {
    "VGG": ("VGG16", "VGG19"),
    "ResNet": ("ResNet50", "ResNet101", "ResNet152"),
    "ResNetV2": ("ResNet50V2", "ResNet101V2", "ResNet152V2"),
    "MobileNet": ("MobileNet",),
    "MobileNetV2": ("MobileNetV2",),
    "MobileNetV3": ("MobileNetV3Small", "MobileNetV3Large"),
    "DenseNet": ("DenseNet121", "DenseNet169", "DenseNet201"),
    "EfficientNet": tuple(f"EfficientNetB{number}" for number in range(8)),
    "EfficientNetV2": tuple(f"EfficientNetV2{kind}" for kind in ("B0", "B1", "B2", "B3", *"SML")),
    "InceptionV3": ("InceptionV3",),
    "InceptionResNetV2": ("InceptionResNetV2",),
    "Xception": ("Xception",),
    "NASNet": ("NASNetMobile", "NASNetLarge"),
    "ConvNeXt": tuple(f"ConvNeXt{kind}" for kind in ("Tiny", "Small", "Base", "Large", "XLarge")),
}
NAMES = tuple(name for names in FAMILIES.values() for name in names)
MINIMUM_SIZES = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71}
KERNELS = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Dense)


def family_of(name: str) -> str:
    """The family that a model belongs to."""
    return next(family for family, names in FAMILIES.items() if name in names)


def build(name: str, classes: int = 1000, size: int | None = None) -> keras.Model:
    """A model of keras.applications with random weights and without its last softmax.

    Args:
        name: Its name there.
        classes: The number of classes.
        size: Height and width of its images; None for the model's own.
    """
    if name in FAMILIES["MobileNetV3"] and size is None:
        size = 224  # It leaves its own open.
    shape = None if size is None else (size, size, 3)
    make = getattr(keras.applications, name)
    return make(weights=None, classes=classes, classifier_activation=None, input_shape=shape)


def smallest_size(name: str) -> int:
    """The smallest height and width of images that a model takes."""
    return MINIMUM_SIZES.get(name, 32)


def producing_layers(channel_graph: ChannelGraph) -> list:
    """All layers with a kernel that makes channels, those of nested models included.

    Conv2D (grouped ones too), DepthwiseConv2D, SeparableConv2D and Dense; each counts once.
    """
    found = {
        id(call.op): call.op for call in channel_graph.graph.calls if isinstance(call.op, KERNELS)
    }
    return list(found.values())


def is_prunable(channel_graph: ChannelGraph, layer) -> bool:
    """Whether the channels that a layer makes, or carries if it is depthwise, can be removed."""
    if isinstance(layer, layers.SeparableConv2D):
        kernel, axis = layer.pointwise_kernel, -1
    else:
        kernel, axis = layer.kernel, -2 if isinstance(layer, layers.DepthwiseConv2D) else -1
    made = channel_graph.axes_of(kernel).get(axis % len(kernel.shape))
    return made is not None and bool(made.groups) and all(g.prunable for g in made.groups)
