"""The networks of keras.applications by family, untrained, with logits for outputs."""

import keras

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
FAMILY_OF = {name: family for family, names in FAMILIES.items() for name in names}
NAMES = tuple(FAMILY_OF)


def backbone(name: str, size: int | None = None, classes: int = 1000, **kwargs) -> keras.Model:
    """A network by the name of its function, for square images, by default of its own size."""
    if size is None and FAMILY_OF[name] == "MobileNetV3":
        size = 224  # It leaves its own open.
    if size is not None:
        kwargs["input_shape"] = (size, size, 3)
    make = getattr(keras.applications, name)
    return make(weights=None, classes=classes, classifier_activation=None, **kwargs)
