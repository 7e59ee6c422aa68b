"""Small networks of KerasHub, one of each way to put layers into layers, with random weights."""

import keras
import pytest

IMAGE = (32, 32, 3)

keras_hub = pytest.importorskip("keras_hub", reason="It is in the extra families.")
layers, models = keras_hub.layers, keras_hub.models


def resnet(image=IMAGE):
    """Functional all through: no layer has layers in it."""
    return models.ResNetBackbone(
        input_conv_filters=[4, 4, 8],
        input_conv_kernel_sizes=[3, 3, 3],
        stackwise_num_filters=[64, 8, 12, 12],  # The first must be 64.,
        stackwise_num_blocks=[1, 1, 1, 1],
        stackwise_num_strides=[1, 2, 2, 2],
        block_type="basic_block_vd",
        image_shape=image,
    )


def mobilenet_v3():
    """Inverted residual blocks, squeeze-and-excite in some: layers in layers in layers."""
    return models.MobileNetBackbone(
        stackwise_num_blocks=[2, 2],
        stackwise_expansion=[[12, 12], [16, 16]],
        stackwise_num_filters=[[8, 8], [12, 12]],
        stackwise_kernel_size=[[3, 3], [5, 5]],
        stackwise_num_strides=[[2, 1], [2, 1]],
        stackwise_se_ratio=[[None, None], [0.25, 0.25]],
        stackwise_activation=[["relu"] * 2, ["hard_swish"] * 2],
        stackwise_padding=[[1, 1], [2, 2]],
        output_num_filters=16,
        input_num_filters=8,
        depthwise_filters=8,
        depthwise_stride=2,
        depthwise_residual=False,
        squeeze_and_excite=0.5,
        last_layer_filter=20,
        image_shape=IMAGE,
    )


def efficientnet_v2():
    """Fused and plain blocks that are called without `training`, with dropout in them."""
    return models.EfficientNetBackbone(
        stackwise_width_coefficients=[1.0] * 2,
        stackwise_depth_coefficients=[1.0] * 2,
        stackwise_kernel_sizes=[3, 3],
        stackwise_num_repeats=[2, 2],
        stackwise_input_filters=[8, 8],
        stackwise_output_filters=[8, 16],
        stackwise_expansion_ratios=[2, 2],
        stackwise_strides=[1, 2],
        stackwise_squeeze_and_excite_ratios=[0, 0.25],
        stackwise_block_types=["fused", "unfused"],
        stackwise_force_input_filters=[0] * 2,
        stackwise_nores_option=[False] * 2,
        num_features=24,
        input_shape=IMAGE,
    )


def hgnet_v2():
    """An encoder in one layer, which returns a dictionary, with scalars for weights."""
    return models.HGNetV2Backbone(
        depths=[1, 1],
        embedding_size=8,
        hidden_sizes=[16, 24],
        stem_channels=[3, 8, 8],
        hidden_act="relu",
        use_learnable_affine_block=True,
        stackwise_stage_filters=[[8, 8, 16, 1, 2, 3], [16, 8, 24, 1, 2, 3]],
        apply_downsample=[False, True],
        use_lightweight_conv_block=[False, True],
        image_shape=IMAGE,
    )


def retinanet():
    """A pyramid of features, which is a layer, over a network that is nested."""
    return models.RetinaNetBackbone(
        image_encoder=resnet((None, None, 3)),
        min_level=3,
        max_level=5,
        use_p5=False,
        image_shape=(64, 64, 3),
    )


def clip_vision():
    """A transformer that is read from a dictionary of images."""
    return models.CLIPVisionEncoder(
        patch_size=8,
        hidden_dim=12,
        num_layers=2,
        num_heads=3,
        intermediate_dim=24,
        image_shape=IMAGE,
    )


def sam3_vision():
    """An encoder in one layer: windows, rotated queries, and features at several sizes."""
    encoder = layers.SAM3VisionEncoder(
        image_shape=(56, 56, 3),
        patch_size=14,
        num_layers=2,
        hidden_dim=16,
        intermediate_dim=24,
        num_heads=2,
        fpn_hidden_dim=8,
        fpn_scale_factors=[4.0, 2.0, 1.0, 0.5],
        pretrain_image_shape=(28, 28, 3),
        window_size=2,
        global_attn_indexes=[1],
    )
    images = keras.Input((56, 56, 3))
    return keras.Model(images, encoder(images))
