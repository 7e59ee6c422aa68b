"""Vision transformers of KerasHub with random weights, in their smallest published shapes."""

import keras
import keras_hub
from keras_hub.models import (
    CLIPVisionEncoder,
    DeiTBackbone,
    DINOV2Backbone,
    DINOV3Backbone,
    MetaCLIP2VisionEncoder,
    MiTBackbone,
    SigLIPVisionEncoder,
    SwinTransformerBackbone,
    VideoPrismBackbone,
    ViTBackbone,
    ViTDetBackbone,
)

# Tiny, in the field's terms: twelve layers of three heads.
TINY = {"num_layers": 12, "num_heads": 3, "hidden_dim": 192}
IMAGE = (64, 64, 3)


def vit() -> keras.Model:
    """ViT-Ti/16."""
    return ViTBackbone(image_shape=IMAGE, patch_size=16, mlp_dim=768, **TINY)


def deit() -> keras.Model:
    """DeiT-Ti/16."""
    return DeiTBackbone(image_shape=IMAGE, patch_size=16, intermediate_dim=768, **TINY)


def dino_v2(layers: int = 12, image: tuple = (70, 70, 3), **kwargs) -> keras.Model:
    """DINOv2 of half the width of its small variant."""
    shape = {**TINY, "num_layers": layers}
    return DINOV2Backbone(
        patch_size=14,
        intermediate_dim=768,
        image_shape=image,
        position_embedding_shape=image,
        **shape,
        **kwargs,
    )


def dino_v3() -> keras.Model:
    """DINOv3 of half the width of its small variant."""
    return DINOV3Backbone(patch_size=16, intermediate_dim=768, image_shape=IMAGE, **TINY)


def swin() -> keras.Model:
    """Swin-T with half of its channels and windows of four patches."""
    return SwinTransformerBackbone(
        image_shape=(128, 128, 3),
        embed_dim=48,
        depths=(2, 2, 6, 2),
        num_heads=(3, 6, 12, 24),
        window_size=4,
    )


def mit(image: tuple = IMAGE) -> keras.Model:
    """MiT-B0, the encoder of SegFormer."""
    return MiTBackbone(
        image_shape=image,
        num_layers=4,
        hidden_dims=[32, 64, 160, 256],
        layerwise_depths=[2, 2, 2, 2],
        layerwise_num_heads=[1, 2, 5, 8],
        layerwise_sr_ratios=[8, 4, 2, 1],
        layerwise_patch_sizes=[7, 3, 3, 3],
        layerwise_strides=[4, 2, 2, 2],
        max_drop_path_rate=0.1,
    )


def vit_det() -> keras.Model:
    """The image encoder of SAM, a quarter as wide, with windows of four patches."""
    return ViTDetBackbone(
        image_shape=(128, 128, 3),
        hidden_size=192,
        num_layers=12,
        intermediate_dim=768,
        num_heads=3,
        global_attention_layer_indices=[2, 5, 8, 11],
        num_output_channels=64,
        window_size=4,
    )


def clip_vision() -> keras.Model:
    """The image encoder of CLIP, a quarter as wide."""
    return CLIPVisionEncoder(patch_size=16, intermediate_dim=768, image_shape=IMAGE, **TINY)


def metaclip_vision() -> keras.Model:
    """The image encoder of MetaCLIP 2, a quarter as wide."""
    return MetaCLIP2VisionEncoder(patch_size=16, intermediate_dim=768, image_shape=IMAGE, **TINY)


def siglip_vision() -> keras.Model:
    """The image encoder of SigLIP, a quarter as wide."""
    return SigLIPVisionEncoder(patch_size=16, intermediate_dim=768, image_shape=IMAGE, **TINY)


def video_prism() -> keras.Model:
    """VideoPrism, a quarter as wide, over four frames."""
    return VideoPrismBackbone(
        num_frames=4,
        patch_size=16,
        hidden_dim=192,
        intermediate_dim=768,
        num_heads=3,
        num_spatial_layers=12,
        num_temporal_layers=4,
        num_auxiliary_layers=0,
        image_shape=IMAGE,
    )


def sam3_vision() -> keras.Model:
    """The image encoder of SAM 3 as a model."""
    encoder = keras_hub.layers.SAM3VisionEncoder(
        image_shape=(112, 112, 3),
        patch_size=14,
        num_layers=4,
        hidden_dim=64,
        intermediate_dim=256,
        num_heads=4,
        fpn_hidden_dim=32,
        fpn_scale_factors=[4.0, 2.0, 1.0, 0.5],
        pretrain_image_shape=(56, 56, 3),
        window_size=4,
        global_attn_indexes=[1, 3],
    )
    images = keras.Input((112, 112, 3))
    return keras.Model(images, encoder(images))
