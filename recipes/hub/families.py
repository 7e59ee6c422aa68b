"""The families of KerasHub's networks for images, by name, untrained: nothing is downloaded."""

from functools import partial

import keras
from keras import layers, tree

from recipes.hub import composed, convolutional, transformers

FAMILIES = {
    "ResNet18": convolutional.resnet,
    "ResNet50": partial(convolutional.resnet, "bottleneck_block"),
    "ResNet18V2": partial(convolutional.resnet, pre=True),
    "ResNet18VD": partial(convolutional.resnet, "basic_block_vd"),
    "MobileNetV3": convolutional.mobilenet_v3,
    "MobileNetV5": convolutional.mobilenet_v5,
    "EfficientNetB0": partial(convolutional.efficientnet, "b0"),
    "EfficientNetLite": partial(convolutional.efficientnet, "lite"),
    "EfficientNetV2": partial(convolutional.efficientnet, "v2"),
    "DenseNet": convolutional.densenet,
    "CSPDarkNet": partial(convolutional.cspnet, "darknet"),
    "CSPResNet": partial(convolutional.cspnet, "resnet"),
    "VGG": convolutional.vgg,
    "Xception": convolutional.xception,
    "HGNetV2": convolutional.hgnet_v2,
    "ViT": transformers.vit,
    "DeiT": transformers.deit,
    "DINOV2": transformers.dino_v2,
    "DINOV2SwiGLU": partial(transformers.dino_v2, use_swiglu_ffn=True),
    "DINOV3": transformers.dino_v3,
    "Swin": transformers.swin,
    "MiT": transformers.mit,
    "ViTDet": transformers.vit_det,
    "CLIPVision": transformers.clip_vision,
    "MetaCLIP2Vision": transformers.metaclip_vision,
    "SigLIPVision": transformers.siglip_vision,
    "VideoPrism": transformers.video_prism,
    "SAM3Vision": transformers.sam3_vision,
    "SegFormer": composed.segformer,
    "DeepLabV3": composed.deeplab_v3,
    "RetinaNet": composed.retinanet,
    "BASNet": composed.basnet,
    "DepthAnything": composed.depth_anything,
    "DFine": composed.d_fine,
    "PARSeq": composed.parseq,
    "SAM": composed.sam,
}
NAMES = tuple(FAMILIES)
COMPLETE = ("BASNet", "DFine", "PARSeq", "SAM")  # What they return are predictions.


def family(name: str) -> keras.Model:
    """A network as KerasHub makes it, by its name in `FAMILIES`."""
    return FAMILIES[name]()


def measured(name: str) -> keras.Model:
    """A network with a classifier behind each of its features, unless it returns predictions."""
    return family(name) if name in COMPLETE else with_heads(family(name))


def with_heads(backbone: keras.Model, classes: int = 10) -> keras.Model:
    """A network with a classifier behind each of its outputs, whose channels would be locked.

    It is that of KerasHub's image classifiers: the mean over positions, then a Dense layer.
    """
    pooling = {3: layers.GlobalAveragePooling1D, 4: layers.GlobalAveragePooling2D}

    def head(x: keras.KerasTensor) -> keras.KerasTensor:
        pooled = pooling[len(x.shape)]()(x) if len(x.shape) in pooling else x
        return layers.Dense(classes)(pooled)

    return keras.Model(backbone.input, tree.map_structure(head, backbone.output))
