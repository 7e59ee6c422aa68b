"""Convolutional backbones of KerasHub with random weights, in their smallest published widths."""

import keras
from keras_hub.models import (
    CSPNetBackbone,
    DenseNetBackbone,
    EfficientNetBackbone,
    HGNetV2Backbone,
    MobileNetBackbone,
    MobileNetV5Backbone,
    ResNetBackbone,
    VGGBackbone,
    XceptionBackbone,
)

IMAGE = (64, 64, 3)
STAGES = {"stackwise_num_filters": [64, 128, 256, 512], "stackwise_num_strides": [1, 2, 2, 2]}


def resnet(block: str = "basic_block", pre: bool = False, image: tuple = IMAGE) -> keras.Model:
    """ResNet-18 of basic blocks, ResNet-50 of bottlenecks; `vd` blocks have a deep stem."""
    stem = ([32, 32, 64], [3, 3, 3]) if block.endswith("vd") else ([64], [7])
    return ResNetBackbone(
        input_conv_filters=stem[0],
        input_conv_kernel_sizes=stem[1],
        stackwise_num_blocks=[2, 2, 2, 2] if block.startswith("basic") else [3, 4, 6, 3],
        block_type=block,
        use_pre_activation=pre,
        image_shape=image,
        **STAGES,
    )


def mobilenet_v3() -> keras.Model:
    """MobileNetV3-Small at half width."""
    return MobileNetBackbone(
        stackwise_num_blocks=[2, 3, 2, 3],
        stackwise_expansion=[[40, 56], [64, 144, 144], [72, 72], [144, 288, 288]],
        stackwise_num_filters=[[16, 16], [24, 24, 24], [24, 24], [48, 48, 48]],
        stackwise_kernel_size=[[3, 3], [5, 5, 5], [5, 5], [5, 5, 5]],
        stackwise_num_strides=[[2, 1], [2, 1, 1], [1, 1], [2, 1, 1]],
        stackwise_se_ratio=[[None, None], [0.25] * 3, [0.25] * 2, [0.25] * 3],
        stackwise_activation=[["relu"] * 2, *(["hard_swish"] * n for n in (3, 2, 3))],
        stackwise_padding=[[1, 1], [2, 2, 2], [2, 2], [2, 2, 2]],
        output_num_filters=1024,
        input_num_filters=16,
        depthwise_filters=8,
        depthwise_stride=2,
        depthwise_residual=False,
        squeeze_and_excite=0.5,
        last_layer_filter=288,
        image_shape=IMAGE,
    )


def mobilenet_v5() -> keras.Model:
    """The blocks of MobileNetV5-300M, two of each kind, with an eighth of its channels."""
    kinds = [["er"] * 2, ["uir"] * 2, ["uir", "mqa", "uir", "mqa", "uir"]]
    settings = {
        "act_layers": {"er": None, "uir": None, "mqa": None},
        "exp_ratios": {"er": 4.0, "uir": 4.0, "mqa": 0.0},
        "se_ratios": {"er": 0.0, "uir": 0.0, "mqa": 0.0},
        "dw_kernel_sizes": {"er": 0, "uir": 5, "mqa": 3},
        "dw_start_kernel_sizes": {"er": 0, "uir": 3, "mqa": 0},
        "dw_end_kernel_sizes": {"er": 0, "uir": 0, "mqa": 0},
        "exp_kernel_sizes": {"er": 3, "uir": 1, "mqa": 0},
        "pw_kernel_sizes": {"er": 1, "uir": 1, "mqa": 0},
        "num_heads": {"er": 0, "uir": 0, "mqa": 4},
        "key_dims": {"er": 0, "uir": 0, "mqa": 16},
        "value_dims": {"er": 0, "uir": 0, "mqa": 16},
        "kv_strides": {"er": 0, "uir": 0, "mqa": 2},
        "use_cpe": {"er": False, "uir": False, "mqa": False},
    }
    stackwise = {
        f"stackwise_{name}": [[of_kind[kind] for kind in stage] for stage in kinds]
        for name, of_kind in settings.items()
    }
    return MobileNetV5Backbone(
        stackwise_block_types=kinds,
        stackwise_num_blocks=[2, 2, 5],
        stackwise_num_filters=[[16] * 2, [32] * 2, [80] * 5],
        stackwise_strides=[[2, 1], [2, 1], [2, 1, 1, 1, 1]],
        stem_size=16,
        num_features=128,
        msfa_output_resolution=4,
        layer_scale_init_value=1e-5,
        image_shape=IMAGE,
        **stackwise,
    )


def efficientnet(kind: str) -> keras.Model:
    """EfficientNet-B0, EfficientNet-Lite0, or the tiny EfficientNetV2 of fused blocks."""
    if kind == "v2":
        return EfficientNetBackbone(
            stackwise_width_coefficients=[0.8] * 6,
            stackwise_depth_coefficients=[0.9] * 6,
            stackwise_kernel_sizes=[3] * 6,
            stackwise_num_repeats=[2, 4, 4, 6, 9, 15],
            stackwise_input_filters=[24, 24, 48, 64, 128, 160],
            stackwise_output_filters=[24, 48, 64, 128, 160, 256],
            stackwise_expansion_ratios=[1, 4, 4, 4, 6, 6],
            stackwise_strides=[1, 2, 2, 2, 1, 2],
            stackwise_squeeze_and_excite_ratios=[0, 0, 0, 0.25, 0.25, 0.25],
            stackwise_block_types=["cba"] + ["fused"] * 2 + ["unfused"] * 3,
            stackwise_force_input_filters=[0] * 6,
            stackwise_nores_option=[False] * 6,
            activation="silu",
            input_shape=IMAGE,
        )
    return EfficientNetBackbone(
        stackwise_width_coefficients=[1.0] * 7,
        stackwise_depth_coefficients=[1.0] * 7,
        stackwise_kernel_sizes=[3, 3, 5, 3, 5, 5, 3],
        stackwise_num_repeats=[1, 2, 2, 3, 3, 4, 1],
        stackwise_input_filters=[32, 16, 24, 40, 80, 112, 192],
        stackwise_output_filters=[16, 24, 40, 80, 112, 192, 320],
        stackwise_expansion_ratios=[1, 6, 6, 6, 6, 6, 6],
        stackwise_strides=[1, 2, 2, 2, 1, 2, 1],
        stackwise_squeeze_and_excite_ratios=[0 if kind == "lite" else 0.25] * 7,
        stackwise_block_types=["v1"] * 7,
        min_depth=None,
        use_depth_divisor_as_min_depth=True,
        cap_round_filter_decrease=True,
        activation="relu6" if kind == "lite" else "swish",
        dropout=0,
        input_shape=IMAGE,
    )


def densenet() -> keras.Model:
    """DenseNet-121."""
    return DenseNetBackbone(stackwise_num_repeats=[6, 12, 24, 16], image_shape=IMAGE)


def cspnet(kind: str) -> keras.Model:
    """CSPDarkNet-53 or CSPResNet-50, with half of their channels."""
    darknet = kind == "darknet"
    return CSPNetBackbone(
        stem_filters=16 if darknet else 32,
        stem_kernel_size=3 if darknet else 7,
        stem_strides=1 if darknet else 4,
        stem_padding="same" if darknet else "valid",
        stem_pooling=None if darknet else "max",
        stackwise_depth=[1, 2, 8, 8, 4] if darknet else [3, 3, 5, 2],
        stackwise_strides=[2] * 5 if darknet else [1, 2, 2, 2],
        stackwise_num_filters=[32, 64, 128, 256, 512] if darknet else [64, 128, 256, 512],
        block_type="dark_block" if darknet else "bottleneck_block",
        stage_type="csp",
        bottle_ratio=[0.5, 1.0] if darknet else [0.5],
        block_ratio=[1.0, 0.5] if darknet else [1.0],
        expand_ratio=[2.0, 1.0] if darknet else [2.0],
        down_growth=darknet,
        cross_linear=not darknet,
        image_shape=IMAGE,
    )


def vgg() -> keras.Model:
    """VGG-11."""
    return VGGBackbone([1, 1, 2, 2, 2], [64, 128, 256, 512, 512], image_shape=IMAGE)


def xception() -> keras.Model:
    """Xception-41, with half of its channels."""
    entry = [[16, 32], [64, 64], [128, 128], [364, 364]]
    return XceptionBackbone(
        stackwise_conv_filters=[*entry, *[[364] * 3] * 8, [364, 512], [768, 768, 1024]],
        stackwise_pooling=[False, True, True, True, *[False] * 8, True, False],
        image_shape=(71, 71, 3),
    )


def hgnet_v2(image: tuple = IMAGE, **kwargs) -> keras.Model:
    """HGNetV2-B0."""
    return HGNetV2Backbone(
        depths=[1, 1, 2, 1],
        embedding_size=16,
        hidden_sizes=[64, 256, 512, 1024],
        stem_channels=[3, 16, 16],
        hidden_act="relu",
        use_learnable_affine_block=True,
        stackwise_stage_filters=[
            [16, 16, 64, 1, 3, 3],
            [64, 32, 256, 1, 3, 3],
            [256, 64, 512, 2, 3, 5],
            [512, 128, 1024, 1, 3, 5],
        ],
        apply_downsample=[False, True, True, True],
        use_lightweight_conv_block=[False, False, True, True],
        image_shape=image,
        **kwargs,
    )
