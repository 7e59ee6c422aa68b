"""KerasHub's networks that build on another backbone: segmentation, detection, depth, text."""

import keras
import keras_hub
from keras_hub.models import (
    BASNetBackbone,
    DeepLabV3Backbone,
    DepthAnythingBackbone,
    DFineBackbone,
    PARSeqBackbone,
    RetinaNetBackbone,
    SAMBackbone,
    SAMImageSegmenter,
    SegFormerBackbone,
)

from recipes.hub.convolutional import hgnet_v2, resnet
from recipes.hub.transformers import dino_v2, mit, vit, vit_det

IMAGE = (128, 128, 3)
OPEN = (None, None, 3)


def segformer() -> keras.Model:
    """SegFormer-B0."""
    return SegFormerBackbone(image_encoder=mit(IMAGE), projection_filters=256)


def deeplab_v3() -> keras.Model:
    """DeepLabV3+ over ResNet-18."""
    return DeepLabV3Backbone(
        image_encoder=resnet(image=IMAGE),
        low_level_feature_key="P2",
        spatial_pyramid_pooling_key="P5",
        upsampling_size=8,
        dilation_rates=[6, 12, 18],
        projection_filters=48,
        image_shape=IMAGE,
    )


def retinanet() -> keras.Model:
    """RetinaNet's feature pyramid over ResNet-18."""
    return RetinaNetBackbone(
        image_encoder=resnet(image=OPEN),
        min_level=3,
        max_level=7,
        use_p5=False,
        use_fpn_batch_norm=True,
        image_shape=IMAGE,
    )


def basnet() -> keras.Model:
    """BASNet over ResNet-18."""
    return BASNetBackbone(image_encoder=resnet(image=OPEN), num_classes=1, image_shape=(64, 64, 3))


def depth_anything() -> keras.Model:
    """Depth Anything over a DINOv2 of four layers."""
    return DepthAnythingBackbone(
        image_encoder=dino_v2(layers=4, image=(140, 140, 3)),
        reassemble_factors=[4, 2, 1, 0.5],
        neck_hidden_dims=[16, 32, 64, 128],
        fusion_hidden_dim=64,
        head_hidden_dim=16,
        head_in_index=-1,
        feature_keys=["stage1", "stage2", "stage3", "stage4"],
    )


def d_fine() -> keras.Model:
    """D-FINE, nano, over HGNetV2-B0."""
    stages = ["stage3", "stage4"]
    return DFineBackbone(
        backbone=hgnet_v2(OPEN, out_features=stages),
        decoder_in_channels=[128, 128],
        encoder_hidden_dim=128,
        num_denoising=0,
        num_labels=80,
        hidden_dim=128,
        learn_initial_query=False,
        num_queries=50,
        anchor_image_size=IMAGE[:2],
        feat_strides=[16, 32],
        num_feature_levels=2,
        encoder_in_channels=[512, 1024],
        encode_proj_layers=[1],
        num_attention_heads=8,
        encoder_ffn_dim=512,
        num_encoder_layers=1,
        hidden_expansion=0.34,
        depth_multiplier=0.5,
        eval_idx=-1,
        num_decoder_layers=3,
        decoder_attention_heads=8,
        decoder_ffn_dim=512,
        decoder_n_points=[6, 6],
        lqe_hidden_dim=64,
        num_lqe_layers=2,
        out_features=stages,
        image_shape=IMAGE,
        seed=0,
    )


def parseq() -> keras.Model:
    """PARSeq, which reads text in images, over ViT-Ti."""
    length = 25
    backbone = PARSeqBackbone(
        image_encoder=vit(),
        vocabulary_size=97,
        max_label_length=length,
        decoder_hidden_dim=192,
        num_decoder_layers=1,
        num_decoder_heads=6,
        decoder_mlp_dim=768,
    )
    return _called(
        backbone,
        images=keras.Input((64, 64, 3), name="images"),
        token_ids=keras.Input((length,), dtype="int32", name="token_ids"),
        padding_mask=keras.Input((length,), dtype="int32", name="padding_mask"),
    )


def sam() -> keras.Model:
    """SAM with a point and a box for prompts."""
    size = IMAGE[0]
    backbone = SAMBackbone(
        image_encoder=vit_det(),
        prompt_encoder=keras_hub.layers.SAMPromptEncoder(
            hidden_size=64,
            image_embedding_size=(size // 16, size // 16),
            input_image_size=(size, size),
            mask_in_channels=16,
        ),
        mask_decoder=keras_hub.layers.SAMMaskDecoder(
            num_layers=2,
            hidden_size=64,
            intermediate_dim=256,
            num_heads=8,
            embedding_dim=64,
            num_multimask_outputs=3,
            iou_head_depth=3,
            iou_head_hidden_dim=64,
        ),
    )
    segmenter = SAMImageSegmenter(backbone)
    return _called(
        keras.Model(segmenter.input, segmenter.output),  # A task has a __call__() of its own.
        images=keras.Input(IMAGE, name="images"),
        points=keras.Input((1, 2), name="points"),
        labels=keras.Input((1,), name="labels"),
        boxes=keras.Input((1, 2, 2), name="boxes"),
        masks=keras.Input((0, size // 4, size // 4, 1), name="masks"),
    )


def _called(model: keras.Model, **inputs: keras.KerasTensor) -> keras.Model:
    """A model on inputs of known sizes."""
    return keras.Model(inputs, model(inputs))
